package oci

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// refusal is a registry's no.
type refusal struct {
	doing  string
	status int
	// codes are the words of the distribution specification (BLOB_UNKNOWN), and said is what the
	// registry says to people.
	codes []string
	said  string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("%s: the registry answers %d %s", r.doing, r.status, http.StatusText(r.status))
	if r.said != "" {
		text += ": " + r.said
	}
	return text
}

// maxRefusal bounds what is read of a refusal, and maxSaid what is told of it.
const (
	maxRefusal = 64 << 10
	maxSaid    = 400
)

func refusalOf(q request, resp *http.Response) error {
	r := &refusal{doing: q.doing(), status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what is missing of it is only missing in the message
	var told struct {
		Errors []struct {
			Code, Message string
			Detail        json.RawMessage
		}
	}
	if json.Unmarshal(body, &told) != nil || len(told.Errors) == 0 {
		if kind := resp.Header.Get("Content-Type"); !strings.Contains(kind, "html") { // a proxy's page says nothing in a line
			r.said = printable(string(body), maxSaid)
		}
		return r
	}
	var said []string
	for _, e := range told.Errors {
		r.codes = append(r.codes, e.Code)
		line := e.Code
		if e.Message != "" {
			line += " (" + e.Message + ")"
		}
		if detail := string(e.Detail); detail != "" && detail != "null" && detail != "{}" {
			line += " " + detail
		}
		said = append(said, line)
	}
	r.said = printable(strings.Join(said, "; "), maxSaid)
	return r
}

// printable makes one line of something foreign.
func printable(s string, limit int) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}

// plain takes addresses out of an error, which may carry signatures, and makes a refusal of one that
// go-containerregistry met while it logged in.
func plain(err error) error {
	var t *transport.Error
	if errors.As(err, &t) {
		r := &refusal{doing: "logging in", status: t.StatusCode}
		var said []string
		for _, d := range t.Errors {
			r.codes = append(r.codes, string(d.Code))
			said = append(said, fmt.Sprintf("%s (%s)", d.Code, d.Message))
		}
		r.said = printable(strings.Join(said, "; "), maxSaid)
		return r
	}
	for {
		var u *url.Error
		if !errors.As(err, &u) {
			return err
		}
		err = u.Err
	}
}

// final is an error that trying again does not mend.
type final string

func (f final) Error() string { return string(f) }

// statusOf is the status of a refusal, 0 where err is something else.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

func hasCode(err error, code string) bool {
	var r *refusal
	return errors.As(err, &r) && slices.Contains(r.codes, code)
}

func isMissing(err error) bool { return statusOf(err) == http.StatusNotFound }

// passing says whether trying again may help.
func passing(err error) bool {
	var f final
	var source *sourceError
	var r *refusal
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case errors.As(err, &f), errors.As(err, &source), errors.As(err, &certificate):
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &dns) && dns.IsNotFound:
		return false
	case errors.As(err, &r):
		switch r.status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		// The upload was forgotten, as a registry of several servers or one that was restarted does.
		case http.StatusNotFound:
			return slices.Contains(r.codes, "BLOB_UPLOAD_UNKNOWN")
		}
		return false
	}
	return true // the network, in one of its many words
}

// advice says what to do about an error; it begins with ": " or is empty.
func (r *Registry) advice(err error) string {
	var certificate *tls.CertificateVerificationError
	host := r.repo.RegistryStr()
	if errors.As(err, &certificate) {
		return ": trust its certificate authority on this machine, or name a file with it (--registry-ca)"
	}
	var network net.Error
	if statusOf(err) == 0 && passing(err) && (errors.Is(err, errStalled) || errors.Is(err, errBrokeOff) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)) {
		return fmt.Sprintf(": see that %s is up and can be reached from here", host)
	}
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		switch {
		case host == "ghcr.io":
			return ": log in (docker login ghcr.io), or give the job GITHUB_TOKEN and the permission packages: write"
		case strings.Contains(host, "gitlab"):
			return fmt.Sprintf(": log in (docker login %s), or give the job CI_JOB_TOKEN and access to that project's registry", host)
		}
		return fmt.Sprintf(": log in (docker login %s) as somebody who may read and write %s", host, r.repo.RepositoryStr())
	case http.StatusInsufficientStorage:
		return ": the registry's disk is full: free space there, and append again"
	case http.StatusRequestEntityTooLarge:
		return ": the registry, or a proxy before it, takes nothing that large: raise its limit"
	case http.StatusNotFound:
		if hasCode(err, "NAME_UNKNOWN") || hasCode(err, "NAME_INVALID") {
			return fmt.Sprintf(": create the repository %s there, or correct its name", r.repo.RepositoryStr())
		}
	}
	return ""
}
