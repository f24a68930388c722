package template

import "testing"

// The product's own template must be one that this host understands whole.
func TestProductTemplate(t *testing.T) {
	tpl, err := Load("../../../template.yaml", Options{QueueBase: "http://127.0.0.1:8001"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range tpl.Notes {
		t.Log(n)
	}
}
