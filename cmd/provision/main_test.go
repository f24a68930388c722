package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"solewatch/internal/auth"
	"solewatch/internal/insole"
	"solewatch/internal/standin"
	"solewatch/internal/standin/standintest"
	"solewatch/internal/store"
)

// A bench is a stand-in with the settings that lead to it.
type bench struct {
	srv   *standin.Server
	store *store.Store
	env   map[string]string
	keys  string
}

func newBench(t *testing.T) *bench {
	srv, cfg := standintest.Open(t, nil)
	t.Setenv("AWS_ENDPOINT_URL", *cfg.BaseEndpoint)
	t.Setenv("AWS_REGION", cfg.Region)
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	return &bench{
		srv: srv, store: store.New(cfg, standintest.Table, store.Steady),
		env:  map[string]string{"TABLE": standintest.Table, "TOPIC_PREFIX": srv.TopicARN("solewatch-team-")},
		keys: filepath.Join(t.TempDir(), "keys", "insoles.json"),
	}
}

func (b *bench) run(t *testing.T, yaml string, more ...string) (string, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.yaml")
	err := os.WriteFile(name, []byte(yaml), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = run(t.Context(), append([]string{"-f", name, "-keys", b.keys}, more...), func(k string) string { return b.env[k] }, &out)
	return out.String(), err
}

func demo(t *testing.T) string {
	b, err := os.ReadFile("../../provisioning/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDemo(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	out, err := b.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"demo: made", "other: made", "40 worker(s)", "sign in: claire@demo.example / "} {
		if !strings.Contains(out, want) {
			t.Errorf("said nothing of %q:\n%s", want, out)
		}
	}
	d, err := b.store.Directory(ctx, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if d.Org.Operators != "maintenance" {
		t.Errorf("operators %q, want those of the file", d.Org.Operators)
	}
	for _, k := range d.Teams {
		if v := k.Value; v.ID == "forestiers" && (len(v.Hours) != 1 || v.Hours[0].To != 19*time.Hour || len(v.OutOfHours) != 3 || v.Setting(insole.AlarmFall).PreAlarm != 45*time.Second) {
			t.Errorf("team %+v, want its hours and settings", v)
		}
	}
	dialects := map[insole.Dialect]int{}
	for _, in := range d.Insoles {
		dialects[in.Value.Dialect]++
		if in.Value.Worker == "" {
			t.Errorf("insole %s is worn by nobody", in.Value.ID)
		}
	}
	if len(d.Teams) != 3 || len(d.Workers) != 40 || len(d.Contacts) != 6 || len(d.Zones) != 3 || len(d.Users) != 3 || dialects[insole.SOLE] != 36 || dialects[insole.Teltonika] != 4 {
		t.Errorf("%d teams, %d workers, %d contacts, %d zones, %d users, %v", len(d.Teams), len(d.Workers), len(d.Contacts), len(d.Zones), len(d.Users), dialects)
	}

	// The keys that the simulated insoles use are those that the bridge will look for.
	keys, err := readKeys(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 40 {
		t.Errorf("%d insoles in the key file, want 40", len(keys))
	}
	for id, k := range keys {
		a, err := b.store.GetAssignment(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if a.Org != "demo" || a.Team == "" || a.Worker != k.Worker || a.WorkerName == "" || a.Locale != "fr" || len(a.Key) != len(k.Key)/2 ||
			a.Dialect == insole.SOLE && len(a.Key) != 32 || a.Dialect == insole.Teltonika && a.Key != nil {
			t.Errorf("assignment %+v, key file %+v", a, k)
		}
	}
	info, err := os.Stat(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v", info.Mode())
	}
	u, err := b.store.UserByEmail(ctx, "claire@demo.example")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := auth.VerifyPassword(u.Password, "demo-claire-2026"); !ok || err != nil || u.Role != insole.Supervisor {
		t.Errorf("claire is %+v, password %v, %v", u, ok, err)
	}
	if c, err := b.store.Care(ctx, "demo", "marie-dubois"); err != nil || !strings.Contains(c.Note, "Diabète") || len(c.Contacts) != 1 || c.Version != 2 {
		t.Errorf("what responders must know: version %d, %d contacts, %v", c.Version, len(c.Contacts), err)
	}
	if strings.Contains(out, "Diabète") {
		t.Errorf("a medical note was printed:\n%s", out)
	}
	workers, err := b.store.Workers(ctx, "other")
	if err != nil || len(workers) != 1 {
		t.Errorf("the other org has workers %v, %v", workers, err)
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	b := newBench(t)
	_, err := b.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	before, keys := b.records(t), read(t, b.keys)
	out, err := b.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.records(t); got != before {
		t.Errorf("the second run wrote %d times", got-before)
	}
	if read(t, b.keys) != keys {
		t.Error("the second run changed the keys")
	}
	if !strings.Contains(out, "demo: nothing new or changed") {
		t.Errorf("said:\n%s", out)
	}
}

// records counts the writes to the table that changed something.
func (b *bench) records(t *testing.T) int {
	t.Helper()
	all, err := b.srv.StreamRecords(t.Context(), standintest.Table, 0, 10000, 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whichever of table and key file is lost, the insoles go on with their keys.
func TestKeysAreKept(t *testing.T) {
	b := newBench(t)
	_, err := b.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	keys := read(t, b.keys)
	err = os.Remove(b.keys)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	if read(t, b.keys) != keys {
		t.Error("without the key file, other keys were made")
	}
	other := newBench(t)
	other.keys = b.keys
	_, err = other.run(t, demo(t))
	if err != nil {
		t.Fatal(err)
	}
	if read(t, b.keys) != keys {
		t.Error("with a new table, other keys were made")
	}
}

const small = `orgs:
  - org: acme
    name: Acme
    locale: en
    contacts:
      - {contact: boss, name: Boss, phone: "+33639980001", email: boss@example.com}
    teams:
      - team: north
        name: North
        steps:
          - {delay: 0s, contacts: [boss], channels: [sms]}
    insoles:
      - {insole: 00a1b2c3d4e5f607, dialect: sole}
      - {insole: 00a1b2c3d4e5f608, dialect: sole, team: north}
    workers:
      - {worker: marie, name: Marie, team: north, insole: 00a1b2c3d4e5f607}
      - {worker: paul, name: Paul, team: north, shifts: [{days: [mon, fri], from: "22:00", to: "06:00", zone: Europe/Paris}]}
    users:
      - {user: ann, email: ann@acme.example, name: Ann, role: admin}
`

func TestChanges(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	out, err := b.run(t, small)
	if err != nil {
		t.Fatal(err)
	}
	_, password, _ := strings.Cut(out, "ann@acme.example / ")
	password, _, _ = strings.Cut(password, " ")
	u, err := b.store.UserByEmail(ctx, "ann@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := auth.VerifyPassword(u.Password, password); !ok {
		t.Errorf("the password that was made up and shown is not Ann's:\n%s", out)
	}

	// The insoles change feet; Marie gets another name.
	next := strings.NewReplacer("name: Marie, team: north, insole: 00a1b2c3d4e5f607", "name: Marie D., team: north, insole: 00a1b2c3d4e5f608",
		"name: Paul, team: north,", "name: Paul, team: north, insole: 00a1b2c3d4e5f607,").Replace(small)
	_, err = b.run(t, next)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[insole.ID]string{"00a1b2c3d4e5f607": "Paul", "00a1b2c3d4e5f608": "Marie D."} {
		a, err := b.store.GetAssignment(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if a.WorkerName != want || len(a.Key) != 32 || want == "Paul" && len(a.Shifts) != 1 {
			t.Errorf("insole %s: %+v, want %s", id, a, want)
		}
	}
	// With -keep, what is there stays; what is missing is made.
	_, err = b.run(t, strings.NewReplacer("name: North", "name: South", "      - {worker: paul", "      - {worker: zoe, name: Zoé, team: north}\n      - {worker: paul").Replace(next), "-keep")
	if err != nil {
		t.Fatal(err)
	}
	team, err := b.store.Team(ctx, "acme", "north")
	if err != nil || team.Name != "North" {
		t.Errorf("-keep: team %+v, %v", team, err)
	}
	_, err = b.store.Worker(ctx, "acme", "zoe")
	if err != nil {
		t.Errorf("-keep: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	b := newBench(t)
	edit := func(pairs ...string) string {
		s := strings.NewReplacer(pairs...).Replace(small)
		if s == small {
			t.Fatalf("%q is not in the file", pairs)
		}
		return s
	}
	for _, tt := range []struct {
		name, yaml string
		want       []string
	}{
		{"empty", "", []string{"the file is empty"}},
		{"not YAML", "orgs: [", []string{"line 1"}},
		{"no orgs", "orgs: []", []string{"no orgs"}},
		{"two documents", small + "---\norgs: []\n", []string{"second document"}},
		{"unknown fields, all of them", edit("locale: en", "language: en", "name: Boss,", "nom: Boss,"), []string{"line 4: field language not found", "line 6: field nom not found"}},
		{"wrong types and times, all of them", edit("delay: 0s", "delay: soon", "22:00", "25:00", "[mon, fri]", "[monday]"), []string{"line 11", `line 17: "25:00" is not a time of day`, `line 17: "monday" is not a day`}},
		{"faults of every kind, with their lines", edit(
			"org: acme", "org: Acme-1", `"+33639980001"`, "'0639980001'", "boss@example.com", "boss", "contacts: [boss]", "contacts: [bos]",
			"00a1b2c3d4e5f608, dialect: sole, team: north", "00a1b2c3d4e5f608, dialect: sole, team: south",
			"insole: 00a1b2c3d4e5f607}", "insole: 00a1b2c3d4e5f609}", "Europe/Paris", "Europe/Antibes", "role: admin", "role: boss"),
			[]string{"nothing was changed", "line 2: org Acme-1", "line 6: Acme-1: contact boss: “0639980001”", "line 6: Acme-1: contact boss: “boss”", "line 11: Acme-1: team north: There is no contact “bos”",
				"line 14: Acme-1: insole 00a1b2c3d4e5f608: There is no team “south”", "line 16: Acme-1: worker marie: There is no insole “00a1b2c3d4e5f609”",
				"line 17: Acme-1: worker paul: “Europe/Antibes”", "line 19: Acme-1: user ann: “boss” is not a role"}},
		{"a medical note and contacts that cannot be", edit("insole: 00a1b2c3d4e5f607}", "insole: 00a1b2c3d4e5f607, care: {note: "+strings.Repeat("x", 1001)+", contacts: [{name: Jean, phone: '12'}]}}"),
			[]string{"line 16: acme: worker marie: The note is too long", "line 16: acme: worker marie: “12” is not a phone number"}},
		{"a policy that reaches nobody", edit("channels: [sms]", "channels: [email]", "email: boss@example.com", `email: ""`), []string{"line 11: acme: team north: Boss cannot be reached"}},
		{"hours and settings that cannot be, all of them, with their lines", edit("    insoles:\n", `        hours:
          - {days: [], from: "08:00", to: "18:00", zone: Europe/Antibes}
        outOfHours:
          - {delay: 30h, contacts: [], channels: [sms]}
        settings:
          sos: {off: true}
          fall: {preAlarm: 2s}
          lost-contact: {factor: 100}
          boredom: {off: true}
    insoles:
`), []string{"line 13: acme: team north: A shift needs at least one day", "line 13: acme: team north: “Europe/Antibes”", "line 15: acme: team north: From 0 to 86400",
			"line 15: acme: team north: Step 1 of the team North out of hours calls nobody", "line 17: acme: team north: An SOS cannot be switched off", "line 18: acme: team north: From 5 to 300 seconds",
			"line 19: acme: team north: From 2 to 20 times", "line 20: acme: team north: “boredom” is not a kind of alarm"}},
		{"an IMEI mistyped", edit("00a1b2c3d4e5f608, dialect: sole", `"352093081452252", dialect: teltonika`), []string{"line 14", "last digit should be"}},
		{"the same twice", edit("worker: paul", "worker: marie", "00a1b2c3d4e5f608", "00a1b2c3d4e5f607"), []string{"worker marie: “marie” is there twice", "insole 00a1b2c3d4e5f607: “00a1b2c3d4e5f607” is there twice"}},
		{"two on one insole", edit("name: Paul, team: north,", "name: Paul, team: north, insole: 00a1b2c3d4e5f607,"), []string{"line 17: acme: worker paul: The insole 00a1b2c3d4e5f607 is worn by Marie"}},
		{"an address in two orgs", small + strings.NewReplacer("orgs:\n", "", "org: acme", "org: beta", "f607", "f617", "f608", "f618").Replace(small), []string{"line 37: beta: user ann: ann@acme.example is used by another account"}},
		{"a password too short", edit("role: admin", "role: admin, password: short"), []string{"line 19", "10 to 200 characters"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.run(t, tt.yaml)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "main.") || strings.Contains(err.Error(), "problem.") {
				t.Errorf("error speaks of our insides:\n%v", err)
			}
		})
	}
	if n := b.records(t); n != 0 {
		t.Errorf("bad files wrote %d times", n)
	}
	_, err := os.Stat(b.keys)
	if !os.IsNotExist(err) {
		t.Errorf("bad files left a key file: %v", err)
	}
}

func TestBadSettings(t *testing.T) {
	err := run(t.Context(), nil, func(string) string { return "" }, &bytes.Buffer{})
	if err == nil {
		t.Fatal("ran")
	}
	for _, want := range []string{"-f: not set", "TABLE: not set", "TOPIC_PREFIX:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}

func TestBadKeyFile(t *testing.T) {
	b := newBench(t)
	for _, bad := range []any{"{", map[string]any{"insoles": []any{map[string]any{"insole": "00a1b2c3d4e5f607", "key": "xyz"}}}} {
		raw, ok := bad.(string)
		if !ok {
			j, err := json.Marshal(bad)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(j)
		}
		b.keys = filepath.Join(t.TempDir(), "keys.json")
		err := os.WriteFile(b.keys, []byte(raw), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.run(t, small)
		if err == nil || read(t, b.keys) != raw {
			t.Errorf("key file %q: error = %v, file now %q", raw, err, read(t, b.keys))
		}
	}
}
