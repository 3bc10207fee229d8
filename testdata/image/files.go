package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func runFiles(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("files", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var files, env, entrypoint list
	flags.Var(&files, "file", "`HOST:PATH`: a file of this machine and its absolute path in the image; may be given several times")
	flags.Var(&env, "env", "`NAME=VALUE` of the image's configuration; may be given several times")
	flags.Var(&entrypoint, "entrypoint", "one `word` of the entrypoint; may be given several times")
	busybox := flags.String("busybox", "", "a statically linked busybox; it becomes /bin/busybox with a link in /bin for each applet it is asked to have")
	platformName := flags.String("platform", "linux/amd64", "what the files are built for")
	workdir := flags.String("workdir", "/work", "working directory; everybody may write to it")
	user := flags.String("user", "65532:65532", "the user the image names")
	var to destination
	to.register(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := to.check(); err != nil {
		return err
	}
	platform, err := v1.ParsePlatform(*platformName)
	if err != nil {
		return fmt.Errorf("--platform %s: %w", *platformName, err)
	}
	if len(files) == 0 && *busybox == "" {
		return errors.New("nothing to put into the image: give --file or --busybox")
	}
	if !path.IsAbs(*workdir) || path.Clean(*workdir) == "/" {
		return fmt.Errorf("--workdir %s: it must be an absolute path below /", *workdir)
	}
	content := []entry{
		{path: "etc/group", data: group, mode: 0o644},
		{path: "etc/passwd", data: passwd, mode: 0o644},
		{path: "tmp/", mode: 0o1777},
	}
	if clean := path.Clean(*workdir); clean != "/tmp" {
		content = append(content, entry{path: strings.TrimPrefix(clean, "/") + "/", mode: 0o1777})
	}
	if *busybox != "" {
		shell, err := busyboxEntries(*busybox)
		if err != nil {
			return err
		}
		content = append(content, shell...)
	}
	for _, file := range files {
		e, err := fileEntry(file)
		if err != nil {
			return err
		}
		content = append(content, e)
	}
	image, err := assemble(*platform, content, v1.Config{
		User:       *user,
		WorkingDir: path.Clean(*workdir),
		Entrypoint: entrypoint,
		Env:        append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, env...),
	})
	if err != nil {
		return fmt.Errorf("assembling the image: %w", err)
	}
	return to.write(ctx, image, stdout)
}

// fileEntry reads HOST:PATH. The mode is 0755 where the owner may execute the file, otherwise 0644,
// so that the umask of a checkout does not change the digest.
func fileEntry(argument string) (entry, error) {
	host, target, ok := strings.Cut(argument, ":")
	if !ok || host == "" || !path.IsAbs(target) || strings.HasSuffix(target, "/") {
		return entry{}, fmt.Errorf("--file %s: write HOST:PATH, with an absolute PATH that names a file", argument)
	}
	info, err := os.Stat(host)
	if err != nil {
		return entry{}, fmt.Errorf("--file %s: %w", argument, err)
	}
	if !info.Mode().IsRegular() {
		return entry{}, fmt.Errorf("--file %s: %s is not a regular file", argument, host)
	}
	data, err := os.ReadFile(host)
	if err != nil {
		return entry{}, fmt.Errorf("--file %s: %w", argument, err)
	}
	mode := int64(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return entry{path: strings.TrimPrefix(path.Clean(target), "/"), data: data, mode: mode}, nil
}

// applets are the busybox commands that shell suites may count on.
var applets = strings.Fields(`[ ash awk base64 basename cat chmod cp cut date dd df diff dirname du env expr false
	find free grep gzip head hostname id kill less ln ls md5sum mkdir mktemp mv nc nslookup od printf ps pwd readlink
	rm rmdir sed seq sh sha256sum sleep sort stat tail tar tee test timeout touch tr true uname uniq wc wget which xargs yes`)

func busyboxEntries(file string) ([]entry, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--busybox: %w. On Debian, install busybox-static", err)
	}
	if err := checkStatic(file); err != nil {
		return nil, fmt.Errorf("--busybox: %w. On Debian, install busybox-static", err)
	}
	entries := []entry{{path: "bin/busybox", data: data, mode: 0o755}}
	for _, applet := range applets {
		entries = append(entries, entry{path: "bin/" + applet, link: "busybox"})
	}
	return entries, nil
}

// parse refuses arguments that are no flags: a misspelt --file must not vanish.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument %q", flags.Name(), flags.Arg(0))
	}
	return nil
}
