package main

import (
	"encoding/json"
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
		// The head of the log as somebody may have noted it when it had two lines.
		var d struct {
			Log []struct {
				N    int    `json:"n"`
				Hash string `json:"hash"`
			} `json:"log"`
		}
		if err := json.Unmarshal(b, &d); err != nil {
			return err
		}
		for _, l := range d.Log {
			if l.N == 2 {
				e.Setenv("NOTED", "2:"+l.Hash)
			}
		}
		return os.WriteFile(e.WorkDir+"/dossier.json", b, 0o644)
	}})
}
