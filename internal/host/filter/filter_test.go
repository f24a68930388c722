package filter

import "testing"

func TestMatch(t *testing.T) {
	const event = `{"eventName":"MODIFY","dynamodb":{"NewImage":{"t":{"S":"alarm"},"n":{"N":"7"}},"Size":120,"tags":["a","b"]},"price":3.0,"none":null,"deep":{"x":{"y":1}}}`
	for _, tc := range []struct {
		name, pattern string
		want          bool
	}{
		{"exact text", `{"eventName":["MODIFY"]}`, true},
		{"one of", `{"eventName":["INSERT","MODIFY"]}`, true},
		{"none of", `{"eventName":["INSERT","REMOVE"]}`, false},
		{"nested", `{"dynamodb":{"NewImage":{"t":{"S":["live","alarm"]}}}}`, true},
		{"nested, other", `{"dynamodb":{"NewImage":{"t":{"S":["live"]}}}}`, false},
		{"both must match", `{"eventName":["INSERT"],"dynamodb":{"NewImage":{"t":{"S":["alarm"]}}}}`, false},
		{"missing branch", `{"dynamodb":{"OldImage":{"t":{"S":["alarm"]}}}}`, false},
		{"number", `{"dynamodb":{"Size":[120]}}`, true},
		{"number in another spelling", `{"price":[3]}`, true},
		{"number as text is text", `{"dynamodb":{"NewImage":{"n":{"N":[7]}}}}`, false},
		{"null", `{"none":[null]}`, true},
		{"null is not missing", `{"absent":[null]}`, false},
		{"prefix", `{"eventName":[{"prefix":"MO"}]}`, true},
		{"prefix, other", `{"eventName":[{"prefix":"IN"}]}`, false},
		{"prefix of a number", `{"price":[{"prefix":"3"}]}`, false},
		{"suffix", `{"eventName":[{"suffix":"FY"}]}`, true},
		{"equals-ignore-case", `{"eventName":[{"equals-ignore-case":"modify"}]}`, true},
		{"exists", `{"dynamodb":{"NewImage":{"t":{"S":[{"exists":true}]}}}}`, true},
		{"exists, missing", `{"dynamodb":{"OldImage":{"t":{"S":[{"exists":true}]}}}}`, false},
		{"exists wants a leaf", `{"dynamodb":[{"exists":true}]}`, false},
		{"exists false", `{"absent":[{"exists":false}]}`, true},
		{"exists false, there", `{"eventName":[{"exists":false}]}`, false},
		{"exists false, below a missing branch", `{"dynamodb":{"OldImage":{"t":[{"exists":false}]}}}`, true},
		{"numeric", `{"dynamodb":{"Size":[{"numeric":[">",100,"<=",120]}]}}`, true},
		{"numeric, outside", `{"dynamodb":{"Size":[{"numeric":[">",120]}]}}`, false},
		{"numeric of a text", `{"eventName":[{"numeric":[">",0]}]}`, false},
		{"numeric of a missing field", `{"absent":[{"numeric":["=",0]}]}`, false},
		{"anything-but", `{"eventName":[{"anything-but":["REMOVE"]}]}`, true},
		{"anything-but one", `{"eventName":[{"anything-but":"MODIFY"}]}`, false},
		{"anything-but a number", `{"price":[{"anything-but":3}]}`, false},
		{"anything-but prefix", `{"eventName":[{"anything-but":{"prefix":"MO"}}]}`, false},
		{"anything-but wants the field", `{"absent":[{"anything-but":["x"]}]}`, false},
		{"list in the event", `{"dynamodb":{"tags":["b"]}}`, true},
		{"list in the event, none", `{"dynamodb":{"tags":["c"]}}`, false},
		{"or", `{"$or":[{"eventName":["INSERT"]},{"price":[3]}]}`, true},
		{"or, none", `{"$or":[{"eventName":["INSERT"]},{"price":[4]}]}`, false},
	} {
		p, err := Parse([]byte(tc.pattern))
		if err != nil {
			t.Errorf("%s: Parse(%s) error = %v", tc.name, tc.pattern, err)
			continue
		}
		if got := p.Match([]byte(event)); got != tc.want {
			t.Errorf("%s: %s matches = %v, want %v", tc.name, tc.pattern, got, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, pattern := range []string{
		``, `[]`, `"x"`, `{`, `{}`, `{"a":{}}`, `{"a":"x"}`, `{"a":[]}`, `{"a":[["x"]]}`, `{"a":[{"like":"x"}]}`, `{"a":[{"prefix":1}]}`,
		`{"a":[{"numeric":[">"]}]}`, `{"a":[{"numeric":["~",1]}]}`, `{"a":[{"exists":1}]}`, `{"a":[{"prefix":"x","suffix":"y"}]}`,
		`{"a":[{"anything-but":{"numeric":["=",1]}}]}`, `{"$or":[{"a":["x"]}]}`, `{"a":["x"]} {}`,
	} {
		if _, err := Parse([]byte(pattern)); err == nil {
			t.Errorf("Parse(%s) succeeded", pattern)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[{"numeric":[">",0]}],"$or":[{"b":["x"]},{"c":[null]}]}`), []byte(`{"a":1,"b":["x"]}`))
	f.Fuzz(func(t *testing.T, pattern, event []byte) {
		p, err := Parse(pattern)
		if err == nil {
			p.Match(event)
		}
	})
}
