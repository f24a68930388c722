package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"verify": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		b, err := os.ReadFile("../../internal/audit/testdata/dossier.json")
		if err != nil {
			return err
		}
		return os.WriteFile(e.WorkDir+"/dossier.json", b, 0o644)
	}})
}
