package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"solewatch/internal/api"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
)

// file is a provisioning file. See provisioning/demo.yaml for one with everything.
type file struct {
	Orgs []orgSpec `yaml:"orgs"`
}

type orgSpec struct {
	Org      string        `yaml:"org"`
	Name     string        `yaml:"name"`
	Locale   string        `yaml:"locale"`
	Operates string        `yaml:"operators"` // the team that is paged about what concerns no worker
	Contacts []contactSpec `yaml:"contacts"`
	Teams    []teamSpec    `yaml:"teams"`
	Insoles  []insoleSpec  `yaml:"insoles"`
	Workers  []workerSpec  `yaml:"workers"`
	Zones    []zoneSpec    `yaml:"zones"`
	Users    []userSpec    `yaml:"users"`
}

type contactSpec struct {
	Contact string `yaml:"contact"`
	Name    string `yaml:"name"`
	Phone   string `yaml:"phone"`
	Email   string `yaml:"email"`
	Locale  string `yaml:"locale"`
}

type teamSpec struct {
	Team     string        `yaml:"team"`
	Name     string        `yaml:"name"`
	Steps    []stepSpec    `yaml:"steps"`
	Lapse    time.Duration `yaml:"lapse"`
	Repeat   time.Duration `yaml:"repeat"`
	Fallback string        `yaml:"fallback"`

	Hours      []shiftSpec            `yaml:"hours"` // when steps is in force, where there is outOfHours
	OutOfHours []stepSpec             `yaml:"outOfHours"`
	Settings   map[string]settingSpec `yaml:"settings"` // of its alarms, by kind
}

// settingSpec is what a team says about one kind of alarm. What is not given is the default.
type settingSpec struct {
	Off      bool          `yaml:"off"`
	Priority int           `yaml:"priority"`
	PreAlarm time.Duration `yaml:"preAlarm"`
	Dwell    time.Duration `yaml:"dwell"`
	Factor   float64       `yaml:"factor"`
	Minimum  time.Duration `yaml:"minimum"`
	Percent  int           `yaml:"percent"`
	On       bool          `yaml:"on"`
}

// noun is t as it is to be.
func (t teamSpec) noun() insole.Team {
	v := insole.Team{
		ID: insole.TeamID(t.Team), Name: t.Name, Lapse: t.Lapse, Repeat: t.Repeat, Fallback: t.Fallback,
		Steps: steps(t.Steps), Hours: shifts(t.Hours), OutOfHours: steps(t.OutOfHours),
	}
	for k, s := range t.Settings {
		if v.Settings == nil {
			v.Settings = insole.Settings{}
		}
		v.Settings[insole.AlarmKind(k)] = insole.Setting(s)
	}
	return v
}

func steps(all []stepSpec) (out []insole.Step) {
	for _, s := range all {
		out = append(out, insole.Step{Delay: s.Delay, Contacts: s.Contacts, Channels: s.Channels})
	}
	return out
}

func shifts(all []shiftSpec) (out []insole.Shift) {
	for _, s := range all {
		sh := insole.Shift{From: time.Duration(s.From), To: time.Duration(s.To), Zone: s.Zone}
		for _, d := range s.Days {
			sh.Days = append(sh.Days, time.Weekday(d))
		}
		out = append(out, sh)
	}
	return out
}

type stepSpec struct {
	Delay    time.Duration      `yaml:"delay"`
	Contacts []insole.ContactID `yaml:"contacts"`
	Channels []insole.Channel   `yaml:"channels"`
}

type insoleSpec struct {
	Insole  string `yaml:"insole"`
	Dialect string `yaml:"dialect"`
	Team    string `yaml:"team"` // who is told while nobody wears it
}

type workerSpec struct {
	Worker string      `yaml:"worker"`
	Name   string      `yaml:"name"`
	Team   string      `yaml:"team"`
	Phone  string      `yaml:"phone"`
	Insole string      `yaml:"insole"`
	Shifts []shiftSpec `yaml:"shifts"`
	Care   *careSpec   `yaml:"care"`
}

type shiftSpec struct {
	Days []weekday `yaml:"days"`
	From clock     `yaml:"from"`
	To   clock     `yaml:"to"`
	Zone string    `yaml:"zone"`
}

type zoneSpec struct {
	Zone   string       `yaml:"zone"`
	Name   string       `yaml:"name"`
	Team   string       `yaml:"team"`
	Danger bool         `yaml:"danger"`
	Ring   [][2]float64 `yaml:"ring"`
}

type userSpec struct {
	User     string `yaml:"user"`
	Email    string `yaml:"email"`
	Name     string `yaml:"name"`
	Role     string `yaml:"role"`
	Locale   string `yaml:"locale"`
	Password string `yaml:"password"` // made up for a new user when not given
}

// weekday is mon … sun.
type weekday time.Weekday

func (d *weekday) UnmarshalYAML(n *yaml.Node) error {
	for i, name := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
		if n.Value == name {
			*d = weekday(i)
			return nil
		}
	}
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a day: mon, tue, wed, thu, fri, sat or sun", n.Line, n.Value)}}
}

// clock is a time of day, as 06:30.
type clock time.Duration

var clockForm = regexp.MustCompile(`^([01]\d|2[0-4]):([0-5]\d)$`)

func (c *clock) UnmarshalYAML(n *yaml.Node) error {
	m := clockForm.FindStringSubmatch(n.Value)
	if m == nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a time of day, as 06:30", n.Line, n.Value)}}
	}
	h, _ := strconv.Atoi(m[1])
	min, _ := strconv.Atoi(m[2])
	*c = clock(time.Duration(h)*time.Hour + time.Duration(min)*time.Minute)
	return nil
}

// parse reads a provisioning file. The error names everything that is not of its form, with lines.
func parse(data []byte) (file, *yaml.Node, error) {
	var f file
	var root yaml.Node
	err := yaml.Unmarshal(data, &root)
	if err != nil {
		return f, nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err = dec.Decode(&f)
	var form *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF):
		return f, nil, errors.New("the file is empty")
	case errors.As(err, &form):
		lines := make([]error, len(form.Errors))
		for i, s := range form.Errors {
			// The library names our types; whoever wrote the file does not know them.
			lines[i] = errors.New(goType.ReplaceAllString(s, ""))
		}
		return f, nil, errors.Join(lines...)
	case err != nil:
		return f, nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, nil, errors.New("the file has a second document; only one is read")
	}
	if len(f.Orgs) == 0 {
		return f, nil, errors.New("the file has no orgs")
	}
	return f, &root, nil
}

var goType = regexp.MustCompile(` in type main\.\w+`)

// A sight finds lines in a file.
type sight struct{ root *yaml.Node }

// names of fields that differ between the API, whose faults they are, and the file.
var spelled = strings.NewReplacer("delayS", "delay", "lapseS", "lapse", "repeatS", "repeat", "preAlarmS", "preAlarm", "dwellS", "dwell", "minimumS", "minimum")

// line of a fault of the org at index i: of the field if the file has it, else of the thing, else of the org.
func (s sight) line(i int, f directory.Fault) int {
	n := at(field(s.root.Content[0], "orgs"), i)
	if f.Noun != "org" {
		if list := field(n, f.Noun+"s"); list != nil {
			for _, item := range list.Content {
				if id := field(item, f.Noun); id != nil && id.Value == f.ID {
					n = item
				}
			}
		}
	}
	for _, part := range strings.FieldsFunc(spelled.Replace(f.At), func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next *yaml.Node
		if k, err := strconv.Atoi(part); err == nil {
			next = at(n, k)
		} else {
			next = field(n, part)
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}

func field(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func at(n *yaml.Node, i int) *yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode || i >= len(n.Content) {
		return nil
	}
	return n.Content[i]
}

// said is a fault as people read it in a terminal.
func said(line int, org string, f directory.Fault) string {
	what := f.Noun
	if f.Noun != "org" {
		what = org + ": " + f.Noun
	}
	return fmt.Sprintf("line %d: %s %s: %s", line, what, f.ID, api.FaultText("en", f))
}
