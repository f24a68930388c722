// Verify says whether the dossier of an incident is what it was when it was made: its seal, its log, its pages, and every decision, made again from
// the raw frames. What that proves, and what not: docs/audit.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"solewatch/internal/audit"
)

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("it is not what it was")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: verify [-head number:hash] dossier.json    (- for what comes from a pipe)")
		flags.PrintDefaults()
	}
	noted := flags.String("head", "", "`number:hash` of the log that somebody has noted: the log must have gone through it")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return flag.ErrHelp
	}
	head, err := headFrom(*noted)
	if err != nil {
		return err
	}
	in := stdin
	if name := flags.Arg(0); name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	document, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	v, err := audit.Verify(document)
	if err != nil {
		return err
	}
	d := v.Dossier
	if head != nil && !d.Has(*head) {
		v.Faults = append(v.Faults, fmt.Sprintf("the log: it never went through %d:%s", head.N, head.Hash))
	}
	same := 0
	for _, r := range v.Again {
		if r.Same {
			same++
		}
	}
	fmt.Fprintf(stdout, "alarm      %s %s of %s\n", d.Alarm.Reference, d.Alarm.Kind, d.Alarm.WorkerName)
	fmt.Fprintf(stdout, "log        %d lines, head %d:%s\n", len(d.Log), d.Head.N, d.Head.Hash)
	fmt.Fprintf(stdout, "decisions  %d of %d come out the same\n", same, len(v.Again))
	fmt.Fprintf(stdout, "pages      %d\n", len(d.Pages))
	fmt.Fprintf(stdout, "seal       %s\n", d.Seal)
	for _, note := range v.Notes {
		fmt.Fprintf(stdout, "note       %s\n", note)
	}
	for _, fault := range v.Faults {
		fmt.Fprintf(stdout, "BROKEN     %s\n", fault)
	}
	if len(v.Faults) > 0 {
		return errBroken
	}
	fmt.Fprintln(stdout, "ok")
	return nil
}

func headFrom(s string) (*audit.Head, error) {
	if s == "" {
		return nil, nil
	}
	number, hash, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || len(hash) != 64 {
		return nil, fmt.Errorf("-head %q: want number:hash, the hash with 64 digits", s)
	}
	return &audit.Head{N: n, Hash: hash}, nil
}
