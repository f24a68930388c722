package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"solewatch/internal/host/template"
)

// program is where build puts a program: <builddir>/bin/<name>; functions have a link beside, as their folder's
// bootstrap.
func program(dir, name string) string {
	p := filepath.Join(dir, "bin", name)
	if abs, err := filepath.Abs(p); err == nil {
		return abs // a child has a working directory of its own
	}
	return p
}

// version is what git calls the tree in root; "" without git, or outside of a repository.
func version(ctx context.Context, root string) string {
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// build builds every program that the template and the command line ask for, in one go. What is not stale is not
// built again.
func build(ctx context.Context, c config, out *console) error {
	t, err := template.Load(c.Template, template.Options{Parameters: c.Parameters, Stack: c.Stack})
	if err != nil {
		return err
	}
	root := filepath.Dir(c.Template)
	var packages, functions []string
	for _, f := range t.Functions {
		packages = append(packages, "./"+filepath.ToSlash(f.CodeURI))
		functions = append(functions, filepath.Base(f.CodeURI))
	}
	if len(t.Tasks) > 0 {
		packages = append(packages, "./tcpbridge")
	}
	if c.Demo {
		packages = append(packages, "./cmd/provision")
	}
	if c.Fleet > 0 {
		packages = append(packages, "./cmd/insole")
	}
	slices.Sort(packages)
	bin, err := filepath.Abs(filepath.Join(c.Build, "bin"))
	if err != nil {
		return fmt.Errorf("finding %s: %w", c.Build, err)
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("making the folder of programs: %w", err)
	}
	began := time.Now()
	args := []string{"build", "-tags", "lambda.norpc", "-o", bin + string(filepath.Separator)}
	if v := version(ctx, root); v != "" {
		args = append(args, "-ldflags", "-X solewatch/internal/parts.release="+v)
	}
	args = append(args, slices.Compact(packages)...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("building the programs: %w\n%s", err, strings.TrimSpace(string(text)))
	}
	for _, name := range functions {
		link := filepath.Join(c.Build, name, "bootstrap")
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", name, err)
		}
		err := os.Symlink(filepath.Join("..", "bin", name), link)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("placing %s: %w", name, err)
		}
	}
	out.Line("local", fmt.Sprintf("built %d programs in %v", len(packages), time.Since(began).Round(10*time.Millisecond)))
	return nil
}
