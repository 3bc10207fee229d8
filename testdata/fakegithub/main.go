// Command fakegithub serves a GitHub for trying the action and the command line end to end: it keeps
// what it is told, holds every request against GitHub's own description, and writes all it knows to a
// file after each request.
//
//	fakegithub --listen 127.0.0.1:0 --state state.json --pull 7=HEADSHA
//
// Its address is printed on one line as soon as it serves: set GITHUB_API_URL to it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/integrations/github/githubtest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fakegithub:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("fakegithub", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to serve at")
	file := flags.String("state", "", "`file` that holds all it knows, as JSON, after each request")
	description := flags.String("description", "", "GitHub's OpenAPI description; by default the one below testdata/npm, looked for from the working directory upwards")
	login := flags.String("login", "github-actions[bot]", "whose `token` it is; one that ends in [bot] is an app's")
	token := flags.String("token", "", "the `token` that requests must bear; empty takes any")
	denied := flags.String("deny", "", "permissions that the token lacks: a `list` of checks, pull-requests, statuses, each alone or with :write")
	var pulls []*githubtest.Pull
	flags.Func("pull", "a pull request as `NUMBER=HEADSHA`; repeatable", func(s string) error {
		number, sha, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(number)
		if err != nil || !ok {
			return fmt.Errorf("%q is not NUMBER=HEADSHA", s)
		}
		pulls = append(pulls, &githubtest.Pull{Number: n, HeadSHA: sha, BaseSHA: strings.Repeat("b", 40)})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	described, err := githubtest.DescribeFile(*description)
	if err != nil {
		return err
	}
	g := githubtest.New(described)
	g.Login, g.Token = *login, *token
	if *denied != "" {
		g.Denied = strings.Split(*denied, ",")
	}
	g.Change(func(s *githubtest.State) { s.Pulls = append(s.Pulls, pulls...) })
	if *file != "" {
		g.Changed = func(s githubtest.State) {
			if err := write(*file, s); err != nil {
				fmt.Fprintln(os.Stderr, "fakegithub:", err)
			}
		}
		g.Changed(g.State())
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}

// write replaces the file whole, so that whoever reads it never sees half of it.
func write(file string, s githubtest.State) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
