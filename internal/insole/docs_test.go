package insole_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"solewatch/internal/insole"
)

var update = flag.Bool("update", false, "rewrite the table of settings in docs/alarms.md")

// span is d as people write it.
func span(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// table is what docs/alarms.md says of every kind, made of insole.Kinds.
func table() string {
	var b strings.Builder
	b.WriteString("| kind | P | lowest P | can be off | thresholds: default (bounds) | why the default |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range insole.Kinds {
		var what []string
		between := func(name, def, least, most string) {
			what = append(what, fmt.Sprintf("`%s` %s (%s to %s)", name, def, least, most))
		}
		if r.Most.PreAlarm > 0 {
			between("preAlarmS", "as the insole announces, "+span(insole.DefaultPreAlarm)+" where it does not", span(r.Least.PreAlarm), span(r.Most.PreAlarm))
		}
		if r.Most.Dwell > 0 {
			between("dwellS", span(r.Default.Dwell), span(r.Least.Dwell), span(r.Most.Dwell))
		}
		if r.Most.Factor > 0 {
			number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
			between("factor", number(r.Default.Factor)+" intervals", number(r.Least.Factor), number(r.Most.Factor))
		}
		if r.Most.Minimum > 0 {
			between("minimumS", span(r.Default.Minimum), span(r.Least.Minimum), span(r.Most.Minimum))
		}
		if r.Most.Percent > 0 {
			between("percent", "the insole's own word", strconv.Itoa(r.Least.Percent)+" %", strconv.Itoa(r.Most.Percent)+" %")
		}
		off := "yes"
		if r.NeverOff != "" {
			off = "no: " + r.NeverOff
		} else if r.Default.Off {
			off = "yes, and is where `on` does not say otherwise"
		}
		thresholds := "–"
		if len(what) > 0 {
			thresholds = strings.Join(what, "; ")
		}
		fmt.Fprintf(&b, "| `%s` | %d | %d | %s | %s | %s |\n", r.Kind, r.Default.Priority, r.Most.Priority, off, thresholds, r.Why)
	}
	return b.String()
}

// What docs/alarms.md says of the kinds of alarm, their defaults and bounds is what the code does.
func TestDocs(t *testing.T) {
	const file, begin, end = "../../docs/alarms.md", "<!-- made of insole.Kinds: go test ./internal/insole -update -->\n", "<!-- end -->"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	is, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", file, begin, end)
	}
	if is != table() {
		if !*update {
			t.Errorf("the settings in %s are\n%s\nwant\n%s", file, is, table())
		} else if err := os.WriteFile(file, []byte(before+begin+table()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([0-9]) \\|").FindAllStringSubmatch(before, -1)
	if len(rows) < 9 {
		t.Fatalf("%d kinds in the table of kinds", len(rows))
	}
	for _, m := range rows {
		if p := strconv.Itoa(insole.AlarmKind(m[1]).Priority()); p != m[2] {
			t.Errorf("%s is of priority %s in %s, %s in the code", m[1], m[2], file, p)
		}
	}
}
