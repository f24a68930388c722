// Command provision makes what a provisioning file describes: orgs with their contacts, teams, insoles, workers, zones and
// users. It checks the whole file before it writes anything and names every fault with its line. What is there already
// is brought in line with the file; what the file does not mention stays. Run again, it changes nothing.
//
//	provision -f provisioning/demo.yaml -keys .local/insoles.json
//
// Settings: TABLE, TOPIC_PREFIX, and the SDK's own (AWS_REGION, AWS_ENDPOINT_URL …).
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"solewatch/internal/auth"
	"solewatch/internal/directory"
	"solewatch/internal/insole"
	"solewatch/internal/notify"
	"solewatch/internal/store"
)

func main() {
	err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "provision: "+strings.ReplaceAll(err.Error(), "\n", "\nprovision: "))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	fs := flag.NewFlagSet("provision", flag.ContinueOnError)
	name := fs.String("f", "", "provisioning `file`, YAML; required")
	keys := fs.String("keys", "", "`file` for the keys of the insoles, JSON, read and written; needed when the file has insoles")
	keep := fs.Bool("keep", false, "make what is missing only; leave what is there as it is")
	err := fs.Parse(args)
	if err != nil {
		return err
	}
	var faults []error
	if *name == "" {
		faults = append(faults, errors.New("-f: not set"))
	}
	table, prefix := getenv("TABLE"), getenv("TOPIC_PREFIX")
	if table == "" {
		faults = append(faults, errors.New("TABLE: not set"))
	}
	if !strings.HasPrefix(prefix, "arn:") {
		faults = append(faults, fmt.Errorf("TOPIC_PREFIX: %q is not the beginning of an ARN", prefix))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	data, err := os.ReadFile(*name)
	if err != nil {
		return err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("aws settings: %w", err)
	}
	st := store.New(cfg, table, store.Steady)
	p := &provisioner{
		store: st, keep: *keep, out: out, now: time.Now,
		dir: &directory.Directory{Store: st, Topics: notify.NewTopics(cfg, prefix), Now: time.Now, Log: slog.New(slog.DiscardHandler)},
	}
	return p.provision(ctx, *name, data, *keys)
}

// A provisioner carries one file out.
type provisioner struct {
	store *store.Store
	dir   *directory.Directory
	keep  bool
	out   io.Writer
	now   func() time.Time
}

// A keyFile is what the simulated insoles read, and whoever writes keys into real ones.
type keyFile struct {
	Insoles []keyLine `json:"insoles"`
}

type keyLine struct {
	Insole  insole.ID       `json:"insole"`
	Dialect insole.Dialect  `json:"dialect"`
	Key     string          `json:"key,omitempty"` // 64 hexadecimal digits; none in public dialects
	Org     insole.OrgID    `json:"org"`
	Worker  insole.WorkerID `json:"worker,omitempty"`
}

// A login is a user who was made, or whose password the file says.
type login struct{ email, password, role string }

func (p *provisioner) provision(ctx context.Context, name string, data []byte, keysName string) error {
	f, root, err := parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	keys, err := readKeys(keysName)
	if err != nil {
		return err
	}

	var drafts []*directory.Draft
	var fresh []bool
	var logins []login
	var faults []error
	emails, insoles := map[string]bool{}, map[string]bool{}
	for i, o := range f.Orgs {
		draft, isNew, err := p.open(ctx, o)
		if err != nil {
			return err
		}
		var twice directory.Faults
		twin := func(noun, id, at, what string) {
			twice = append(twice, directory.Fault{Noun: noun, ID: id, At: at, What: what, Args: map[string]string{"given": id}})
		}
		for _, u := range o.Users {
			email := strings.ToLower(u.Email)
			if emails[email] {
				twin("user", u.User, "email", "email-taken")
				twice[len(twice)-1].Args["given"] = email
			}
			emails[email] = true
		}
		for _, in := range o.Insoles {
			if insoles[in.Insole] {
				twin("insole", in.Insole, "insole", "twice")
			}
			insoles[in.Insole] = true
		}
		if slices.ContainsFunc(f.Orgs[:i], func(other orgSpec) bool { return other.Org == o.Org }) {
			twin("org", o.Org, "org", "twice")
		}
		made, more, err := p.apply(o, draft, keys)
		if err != nil {
			return err
		}
		logins = append(logins, made...)
		err = p.dir.Check(ctx, draft)
		var found directory.Faults
		if err != nil && !errors.As(err, &found) {
			return fmt.Errorf("checking org %s: %w", o.Org, err)
		}
		for _, fault := range slices.Concat(twice, more, found, wrongCares(o)) {
			faults = append(faults, errors.New(said(sight{root}.line(i, fault), o.Org, fault)))
		}
		drafts, fresh = append(drafts, draft), append(fresh, isNew)
	}
	if len(insoles) > 0 && keysName == "" {
		faults = append(faults, errors.New("-keys: not set, and the file has insoles"))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: nothing was changed:\n%w", name, errors.Join(unique(faults)...))
	}

	for i, draft := range drafts {
		err := p.save(ctx, draft, fresh[i])
		if err != nil {
			return fmt.Errorf("org %s: %w", draft.Org.ID, err)
		}
		if err := p.cares(ctx, f.Orgs[i]); err != nil {
			return fmt.Errorf("org %s: %w", draft.Org.ID, err)
		}
	}
	err = p.writeKeys(ctx, keysName, keys, f)
	if err != nil {
		return err
	}
	for _, l := range logins {
		fmt.Fprintf(p.out, "sign in: %s / %s (%s)\n", l.email, l.password, l.role)
	}
	return nil
}

// unique leaves out what was said before: one cause may be found twice.
func unique(errs []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(errs, func(err error) bool {
		was := seen[err.Error()]
		seen[err.Error()] = true
		return was
	})
}

// open is the org as it is, or a new one.
func (p *provisioner) open(ctx context.Context, o orgSpec) (*directory.Draft, bool, error) {
	org := insole.Org{ID: insole.OrgID(o.Org), Name: o.Name, Locale: o.Locale}
	draft, err := p.dir.Open(ctx, org.ID)
	if errors.Is(err, insole.ErrNotFound) {
		draft = directory.NewOrg(org, p.now())
		draft.SetOperators(insole.TeamID(o.Operates))
		return draft, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("org %s: %w", o.Org, err)
	}
	if !p.keep {
		draft.SetOrg(o.Name, o.Locale)
		draft.SetOperators(insole.TeamID(o.Operates))
	}
	return draft, false, nil
}

// apply brings draft in line with o. The faults returned are those that the draft itself does not see.
func (p *provisioner) apply(o orgSpec, draft *directory.Draft, keys map[insole.ID]keyLine) (logins []login, faults directory.Faults, err error) {
	draft.Resync = true
	seen := map[string]bool{}
	// set calls f with the version to expect, unless the thing stays as it is or is there twice.
	set := func(noun, id string, there bool, f func(version int) error) {
		if seen[noun+" "+id] {
			faults = append(faults, directory.Fault{Noun: noun, ID: id, At: noun, What: "twice", Args: map[string]string{"given": id}})
			return
		}
		seen[noun+" "+id] = true
		version := directory.New
		if there {
			version = directory.Any
		}
		if err == nil && !(there && p.keep) {
			err = f(version)
		}
	}

	for _, c := range o.Contacts {
		id := insole.ContactID(c.Contact)
		_, there := draft.Contact(id)
		set("contact", c.Contact, there, func(version int) error {
			return draft.SetContact(insole.Contact{ID: id, Name: c.Name, Phone: c.Phone, Email: c.Email, Locale: orElse(c.Locale, draft.Org.Locale)}, version)
		})
	}
	for _, t := range o.Teams {
		id := insole.TeamID(t.Team)
		_, there := draft.Team(id)
		set("team", t.Team, there, func(version int) error {
			return draft.SetTeam(t.noun(), version)
		})
	}
	for _, in := range o.Insoles {
		id := insole.ID(in.Insole)
		ref, there := draft.Insole(id)
		if there && ref.Value.Dialect != insole.Dialect(in.Dialect) {
			faults = append(faults, directory.Fault{Noun: "insole", ID: in.Insole, At: "dialect", What: "insole-taken", Args: map[string]string{"given": in.Insole}})
		}
		set("insole", in.Insole, there, func(version int) error {
			if there {
				if in.Team == "" {
					return nil
				}
				return draft.SetInsoleTeam(id, insole.TeamID(in.Team), version)
			}
			if id == "" { // a made-up one would be another one in every run
				faults = append(faults, directory.Fault{Noun: "insole", At: "insole", What: "insole-id", Args: map[string]string{"given": ""}})
				return nil
			}
			_, _, err := draft.Provision(id, insole.Dialect(in.Dialect), insole.TeamID(in.Team))
			if k, err := hex.DecodeString(keys[id].Key); err == nil && len(k) > 0 && in.Dialect == string(insole.SOLE) {
				draft.SetKey(id, k)
			}
			return err
		})
	}
	// Whoever is to wear another insole takes the old one off first, so that two may change.
	for _, w := range o.Workers {
		was, there := draft.Worker(insole.WorkerID(w.Worker))
		if there && !p.keep && was.Value.Insole != "" && string(was.Value.Insole) != w.Insole && err == nil {
			bare := was.Value
			bare.Insole = ""
			err = draft.SetWorker(bare, directory.Any)
		}
	}
	for _, w := range o.Workers {
		id := insole.WorkerID(w.Worker)
		_, there := draft.Worker(id)
		set("worker", w.Worker, there, func(version int) error {
			v := insole.Worker{ID: id, Team: insole.TeamID(w.Team), Name: w.Name, Phone: w.Phone, Insole: insole.ID(w.Insole)}
			v.Shifts = shifts(w.Shifts)
			return draft.SetWorker(v, version)
		})
	}
	for _, z := range o.Zones {
		id := insole.ZoneID(z.Zone)
		_, there := draft.Zone(id)
		set("zone", z.Zone, there, func(version int) error {
			return draft.SetZone(insole.Zone{ID: id, Team: insole.TeamID(z.Team), Name: z.Name, Danger: z.Danger, Ring: z.Ring}, version)
		})
	}
	for _, u := range o.Users {
		id := insole.UserID(u.User)
		was, there := draft.User(id)
		if u.Password != "" {
			draft.CheckPassword(id, u.Password)
			if !there || !p.keep || same(was.Value.Password, u.Password) {
				logins = append(logins, login{strings.ToLower(u.Email), u.Password, u.Role})
			}
		}
		set("user", u.User, there, func(version int) error {
			v := insole.User{ID: id, Email: u.Email, Name: u.Name, Role: insole.Role(u.Role), Locale: orElse(u.Locale, draft.Org.Locale)}
			switch {
			case u.Password != "" && there && same(was.Value.Password, u.Password):
			case u.Password != "":
				v.Password = auth.HashPassword(u.Password)
			case !there:
				made := auth.NewPassword()
				v.Password = auth.HashPassword(made)
				logins = append(logins, login{strings.ToLower(u.Email), made, u.Role})
			}
			return draft.SetUser(v, version)
		})
	}
	return logins, faults, err
}

func same(phc, password string) bool {
	ok, err := auth.VerifyPassword(phc, password)
	return err == nil && ok
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// save writes one org, and says what that changes.
func (p *provisioner) save(ctx context.Context, draft *directory.Draft, isNew bool) error {
	if isNew {
		err := p.store.CreateOrg(ctx, draft.Org)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s: made\n", draft.Org.ID)
	}
	changes := draft.Changes()
	err := p.dir.Save(ctx, draft)
	if err != nil {
		return err
	}
	count := map[string]int{}
	var kinds []string
	for _, c := range changes {
		kind, _, _ := strings.Cut(c, " ")
		if count[kind] == 0 {
			kinds = append(kinds, kind)
		}
		count[kind]++
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d %s(s)", count[kind], kind)
	}
	if len(kinds) == 0 {
		kinds = []string{"nothing"}
	}
	fmt.Fprintf(p.out, "%s: %s new or changed\n", draft.Org.ID, strings.Join(kinds, ", "))
	return nil
}

// readKeys reads the keys that were made before; none when there is no such file.
func readKeys(name string) (map[insole.ID]keyLine, error) {
	keys := map[insole.ID]keyLine{}
	if name == "" {
		return keys, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return keys, nil
	}
	if err != nil {
		return nil, err
	}
	var f keyFile
	err = json.Unmarshal(b, &f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, k := range f.Insoles {
		_, err := hex.DecodeString(k.Key)
		if err != nil {
			return nil, fmt.Errorf("%s: key of insole %s: %w", name, k.Insole, err)
		}
		keys[k.Insole] = k
	}
	return keys, nil
}

// writeKeys writes the keys as the table has them, of the insoles of f and of those that the file held before. The file
// is replaced at once or not at all, and only its owner can read it.
func (p *provisioner) writeKeys(ctx context.Context, name string, keys map[insole.ID]keyLine, f file) error {
	if name == "" {
		return nil
	}
	var out keyFile
	mine := map[insole.ID]bool{}
	for _, o := range f.Orgs {
		for _, in := range o.Insoles {
			a, err := p.store.Assignment(ctx, insole.OrgID(o.Org), insole.ID(in.Insole))
			if err != nil {
				return fmt.Errorf("key of insole %s: %w", in.Insole, err)
			}
			mine[a.Insole] = true
			out.Insoles = append(out.Insoles, keyLine{a.Insole, a.Dialect, hex.EncodeToString(a.Key), a.Org, a.Worker})
		}
	}
	for id, k := range keys {
		if !mine[id] {
			out.Insoles = append(out.Insoles, k)
		}
	}
	slices.SortFunc(out.Insoles, func(a, b keyLine) int { return strings.Compare(string(a.Insole), string(b.Insole)) })
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	old, err := os.ReadFile(name)
	if err == nil && string(old) == string(b) {
		return nil
	}
	err = os.MkdirAll(filepath.Dir(name), 0o700)
	if err != nil {
		return err
	}
	next := name + ".next"
	err = os.WriteFile(next, b, 0o600)
	if err != nil {
		return err
	}
	err = os.Rename(next, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "keys of %d insole(s) in %s\n", len(out.Insoles), name)
	return nil
}
