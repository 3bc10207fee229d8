package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// passwordVariables hold the password of a private key; the first that is set counts, empty or not.
var passwordVariables = []string{"ASSAY_KEY_PASSWORD", "COSIGN_PASSWORD"}

// maxKey bounds the file of a key in bytes; they have some hundred.
const maxKey = 64 << 10

// environmentKey is what a key's place begins with where it is a variable.
const environmentKey = "env://"

func (a *app) keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "keys",
		Short:   "Make and show the keys that evidence is signed with",
		Example: "  assay keys generate",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.generateCommand(), a.showKeyCommand())
	return c
}

// keyDocument is what the commands about keys print with --output json.
type keyDocument struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// ID names the key: the SHA-256 of its public half.
	ID string `json:"id"`
	// PublicKey is the public half, PEM.
	PublicKey string `json:"publicKey"`
	// Files are what was written.
	Files []string `json:"files,omitempty"`
}

func newKeyDocument(k attest.PublicKey, files ...string) keyDocument {
	return keyDocument{evidence.APIVersion, "PublicKey", k.ID(), string(k.PEM()), files}
}

func (a *app) generateCommand() *cobra.Command {
	var prefix string
	c := &cobra.Command{
		Use:   "generate",
		Short: "Make a key pair to sign evidence with",
		Long: `Writes PREFIX.key, the private key, encrypted with a password, and PREFIX.pub, the public key. Files
that exist are left alone, and it is an error. cosign reads both, and assay reads those of
'cosign generate-key-pair'.

The password is that of the variable ASSAY_KEY_PASSWORD, else of COSIGN_PASSWORD, else it is asked for
on the terminal. A variable that is set and empty means none: then whoever has the file has the key.`,
		Example: "  assay keys generate --output-key-prefix team-payments",
		Args:    takes(),
		RunE:    func(*cobra.Command, []string) error { return a.generateKey(prefix) },
	}
	c.Flags().StringVar(&prefix, "output-key-prefix", "assay", "how the `path` of both files begins")
	a.outputFlag(c)
	return c
}

func (a *app) generateKey(prefix string) error {
	files := []string{prefix + ".key", prefix + ".pub"}
	for _, f := range files {
		if _, err := os.Lstat(a.at(f)); err == nil {
			return usage("%s exists: a key is never overwritten; name another place with --output-key-prefix, or move it away", f)
		}
	}
	password, err := a.password("a password for "+files[0], true)
	if err != nil {
		return err
	}
	key, err := attest.Generate()
	if err != nil {
		return wrong(err)
	}
	private, err := key.Encrypt(password)
	if err != nil {
		return wrong(err)
	}
	if err := a.writeKey(files[0], private, 0o600); err != nil {
		return err
	}
	if err := a.writeKey(files[1], key.Public().PEM(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "assay: wrote %s, which is secret, and %s, which is for everybody; the key is %s\n", files[0], files[1], key.Public().ID())
	if len(password) == 0 {
		fmt.Fprintf(a.stderr, "assay: warning: %s has no password: whoever has the file can sign\n", files[0])
	}
	if a.output == "json" {
		return a.printJSON(newKeyDocument(key.Public(), files...))
	}
	return nil
}

// writeKey writes a file that must not exist yet. One that could not be written whole is removed.
func (a *app) writeKey(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(a.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s exists: a key is never overwritten; name another place with --output-key-prefix, or move it away", name)
	}
	if err != nil {
		return usage("writing the key: %v", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(a.at(name))
		return wrong(fmt.Errorf("writing the key %s: %w", name, err))
	}
	return nil
}

func (a *app) showKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show FILE",
		Short: "Print the public key of a key file, and its id",
		Long: `Prints the public key as a PEM block on standard output, and the key's id, which evidence that is
signed with it names, on standard error. FILE is a public key, or a private one, for which it takes the
password (see 'assay keys generate --help'); env://NAME takes the key out of a variable.`,
		Example: "  assay keys show assay.pub",
		Args:    takes("FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.showKey(args[0]) },
	}
	a.outputFlag(c)
	return c
}

func (a *app) showKey(place string) error {
	data, err := a.readKey(place)
	if err != nil {
		return err
	}
	public, err := attest.ParsePublicKey(data)
	if err != nil && strings.Contains(string(data), "PRIVATE KEY") {
		var key attest.Key
		key, err = a.parseKey(place, data)
		public = key.Public()
	}
	if err != nil {
		return usage("%s: %w", place, err)
	}
	if a.output == "json" {
		return a.printJSON(newKeyDocument(public))
	}
	fmt.Fprintf(a.stderr, "assay: the key is %s\n", public.ID())
	return a.print(string(public.PEM()))
}

func (a *app) signKeyFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.signKey, "sign-key", "", "sign what is kept with this private key: a `file`, or env://NAME for the key in a variable; its password is that of $ASSAY_KEY_PASSWORD")
}

// signing is the store as it is to be appended to: with --sign-key, one that signs. A key that cannot be
// opened is a mistake that is told before anything is done.
func (a *app) signing(store core.Store) (core.Store, error) {
	if a.signKey == "" {
		return store, nil
	}
	data, err := a.readKey(a.signKey)
	if err != nil {
		return nil, err
	}
	key, err := a.parseKey(a.signKey, data)
	if err != nil {
		return nil, usage("--sign-key %s: %w", a.signKey, err)
	}
	return core.Signed(store, key), nil
}

// readKey reads the text of a key.
func (a *app) readKey(place string) ([]byte, error) {
	if name, ok := strings.CutPrefix(place, environmentKey); ok {
		value, ok := a.env(name)
		if !ok || strings.TrimSpace(value) == "" {
			return nil, usage("%s: there is no such variable, or it is empty; set it to the text of the key", place)
		}
		return []byte(value), nil
	}
	// Somebody who gives the key itself must not see it in an error.
	if strings.Contains(place, "\n") || strings.Contains(place, "-----BEGIN") {
		return nil, usage("a key is given as the name of its file, or as env://NAME where NAME is a variable that holds it; this is its text")
	}
	// A pipe would be waited for as soon as it is opened.
	if info, err := os.Stat(a.at(place)); err == nil && !info.Mode().IsRegular() {
		return nil, usage("reading the key %s: it is no file", place)
	}
	f, err := os.Open(a.at(place))
	if err != nil {
		return nil, usage("reading the key: %v", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	switch {
	case err != nil:
		return nil, wrong(fmt.Errorf("reading the key %s: %w", place, err))
	case len(data) > maxKey:
		return nil, usage("reading the key %s: it has more than %d bytes, which is no key", place, maxKey)
	}
	return data, nil
}

func (a *app) parseKey(place string, data []byte) (attest.Key, error) {
	var password []byte
	if attest.IsEncrypted(data) {
		var err error
		if password, err = a.password("the password of "+place, false); err != nil {
			return attest.Key{}, err
		}
	}
	key, err := attest.ParseKey(data, password)
	if errors.Is(err, attest.ErrPassword) {
		return key, fmt.Errorf("%w: is %s that of this key?", err, strings.Join(passwordVariables, " or "))
	}
	return key, err
}

// password is the password of a private key; twice asks for it again, so that a slip of the finger does not
// lock the key.
func (a *app) password(what string, twice bool) ([]byte, error) {
	for _, name := range passwordVariables {
		if value, ok := a.env(name); ok {
			return []byte(value), nil
		}
	}
	stdin, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(stdin) {
		return nil, usage("it takes %s, and there is no terminal to ask on: set %s (empty means none)", what, passwordVariables[0])
	}
	first, err := a.ask(stdin, what)
	if err == nil && twice {
		var second []byte
		if second, err = a.ask(stdin, what+" again"); err == nil && !bytes.Equal(first, second) {
			err = usage("the two passwords differ: try again")
		}
	}
	if err == nil && twice && len(first) == 0 {
		err = usage("the password is empty: whoever has the file would have the key; where that is what you want, set %s to nothing", passwordVariables[0])
	}
	return first, err
}

// ask asks for a secret, which is not shown.
func (a *app) ask(terminal *os.File, what string) ([]byte, error) {
	fmt.Fprintf(a.stderr, "Enter %s: ", what)
	answer, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return nil, usage("asking for %s: %v", what, err)
	}
	return answer, nil
}
