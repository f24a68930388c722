package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"solewatch/internal/insole"
)

// DossierKind and DossierVersion begin every dossier.
const (
	DossierKind    = "solewatch.dossier"
	DossierVersion = 1
)

// A Dossier is everything that is known of an incident, as one JSON document that carries its own seal.
//
// The seal is SHA-256 over the document without its member "seal", as canonical JSON: no space, the members of every object in the order of
// their names' bytes, strings escaped as RFC 8785 has it, numbers as they stand in the document.
type Dossier struct {
	Kind     string   `json:"kind"`
	V        int      `json:"v"`
	MadeAtMs int64    `json:"madeAtMs"`
	MadeBy   string   `json:"madeBy"` // name of who asked for it
	Org      string   `json:"org"`
	Alarm    Alarm    `json:"alarm"`
	FromMs   int64    `json:"fromMs"` // the reports that are here are those from FromMs to ToMs
	ToMs     int64    `json:"toMs"`
	Log      []Line   `json:"log"`
	Head     Head     `json:"head"`
	Pages    []Page   `json:"pages"`
	People   []Person `json:"people"`
	Again    []Rerun  `json:"again"` // of every decision in Log, when this was made
	Missing  []string `json:"missing,omitempty"`
	Seal     string   `json:"seal"`
}

// An Alarm is an alarm as a dossier has it.
type Alarm struct {
	Alarm      string  `json:"alarm"`
	Reference  string  `json:"reference"`
	Team       string  `json:"team"`
	Worker     string  `json:"worker"`
	WorkerName string  `json:"workerName"`
	Insole     string  `json:"insole"`
	Kind       string  `json:"kind"`
	State      string  `json:"state"`
	Incident   string  `json:"incident,omitempty"`
	Cause      string  `json:"cause"`
	SentAtMs   int64   `json:"sentAtMs"`
	RaisedAtMs int64   `json:"raisedAtMs"`
	TakenAtMs  int64   `json:"takenAtMs,omitempty"`
	Owner      string  `json:"owner,omitempty"`
	EndedAtMs  int64   `json:"endedAtMs,omitempty"`
	EndedBy    string  `json:"endedBy,omitempty"`
	Reason     string  `json:"reason,omitempty"`
	Note       string  `json:"note,omitempty"`
	Drill      bool    `json:"drill,omitempty"`
	Lat        float64 `json:"lat,omitempty"`
	Lon        float64 `json:"lon,omitempty"`
	AccuracyM  float64 `json:"accuracyM,omitempty"`
}

// A Person is a worker and what their insole told.
type Person struct {
	Worker  string   `json:"worker"`
	Name    string   `json:"name"`
	Reports []Report `json:"reports"`
}

// A Report is what an insole told, as it is kept in history.
type Report struct {
	AtMs      int64    `json:"atMs"`
	HeardAtMs int64    `json:"heardAtMs"`
	Kind      string   `json:"kind"`
	Lat       *float64 `json:"lat,omitempty"` // with lon, or neither
	Lon       *float64 `json:"lon,omitempty"`
	AccuracyM float64  `json:"accuracyM,omitempty"`
	SpeedMps  float64  `json:"speedMps,omitempty"`
	Steps     int64    `json:"steps,omitempty"`
	Posture   string   `json:"posture,omitempty"`
	Battery   *int     `json:"batteryPercent,omitempty"`
}

// Sealed is d with its seal, as the document that is handed out.
func (d Dossier) Sealed() (Dossier, []byte, error) {
	d.Kind, d.V, d.Seal = DossierKind, DossierVersion, ""
	b, err := json.Marshal(d)
	if err != nil {
		return d, nil, fmt.Errorf("dossier of alarm %s: %w", d.Alarm.Alarm, err)
	}
	d.Seal, err = sealOf(b)
	if err != nil {
		return d, nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	if err := enc.Encode(d); err != nil {
		return d, nil, fmt.Errorf("dossier of alarm %s: %w", d.Alarm.Alarm, err)
	}
	return d, out.Bytes(), nil
}

// SealedWithin is Sealed for whoever can carry most bytes of it, written as a JSON string: the newest half of all reports is left out, and half of
// what is left, until it fits, and Missing says so. A log and pages that alone are more are left as they are: a chain has no gaps.
func (d Dossier) SealedWithin(most int) (Dossier, []byte, error) {
	told := d.Missing
	had := make([]int, len(d.People))
	for i, p := range d.People {
		had[i] = len(p.Reports)
	}
	for {
		out, document, err := d.Sealed()
		if err != nil || len(document)+bytes.Count(document, []byte{'"'})+bytes.Count(document, []byte{'\n'})+bytes.Count(document, []byte{'\\'}) <= most {
			return out, document, err
		}
		d.People, d.Missing = slices.Clone(d.People), slices.Clone(told)
		shorter := false
		for i := range d.People {
			p := &d.People[i]
			shorter = shorter || len(p.Reports) > 0
			p.Reports = p.Reports[:len(p.Reports)/2]
			if left := had[i] - len(p.Reports); left > 0 {
				d.Missing = append(d.Missing, fmt.Sprintf("%d of %d reports of %s: the newest; with them it would be too large for one answer", left, had[i], p.Name))
			}
		}
		if !shorter {
			return out, document, nil
		}
	}
}

// sealOf is the seal that document, with or without one, should have.
func sealOf(document []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("dossier: %w: %w", insole.ErrInvalid, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", fmt.Errorf("dossier: something after its end: %w", insole.ErrInvalid)
	}
	delete(v, "seal")
	sum := sha256.Sum256(appendCanonical(nil, v))
	return hex.EncodeToString(sum[:]), nil
}

func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendCanonical(b, v[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return fmt.Appendf(b, "%t", v)
	}
	return append(b, "null"...)
}

// A Verdict is what there is to say of a dossier.
type Verdict struct {
	Dossier Dossier
	Faults  []string // what does not hold; none: the dossier is sound
	Notes   []string // what holds, and one should know
	Again   []Rerun
}

// Verify checks a dossier as it was handed out: its seal, its chain, its pages against what the chain says of them, and every decision by making
// it again. The error is of a document that is no dossier, and wraps insole.ErrInvalid.
func Verify(document []byte) (Verdict, error) {
	var v Verdict
	seal, err := sealOf(document)
	if err != nil {
		return v, err
	}
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.DisallowUnknownFields()
	d := &v.Dossier
	if err := dec.Decode(d); err != nil {
		return v, fmt.Errorf("dossier: %w: %w", insole.ErrInvalid, err)
	}
	if d.Kind != DossierKind || d.V != DossierVersion {
		return v, fmt.Errorf("dossier: kind %q, version %d: %w", d.Kind, d.V, insole.ErrInvalid)
	}
	fault := func(format string, args ...any) { v.Faults = append(v.Faults, fmt.Sprintf(format, args...)) }
	if seal != d.Seal {
		fault("the seal is broken: something was changed since it was made")
	}
	if err := Check(insole.OrgID(d.Org), insole.AlarmID(d.Alarm.Alarm), d.Log, d.Head); err != nil {
		fault("the log: %v", err)
	}
	for _, said := range Pages(d.Log) {
		i := slices.IndexFunc(d.Pages, said.same)
		name := fmt.Sprintf("page of step %d to %s by %s", said.Step, said.Contact, said.Channel)
		switch {
		case i < 0:
			fault("%s: the log says that it was queued, and it is missing", name)
		case d.Pages[i] == said || said.State == string(insole.PageQueued) && d.Pages[i].State == said.State:
		case d.Pages[i].rank() > said.rank():
			v.Notes = append(v.Notes, fmt.Sprintf("%s: %s, which the log does not say yet", name, d.Pages[i].State))
		default:
			fault("%s: %s, and the log says %s", name, d.Pages[i].State, said.State)
		}
	}
	for _, p := range d.Pages {
		if !slices.ContainsFunc(Pages(d.Log), p.same) {
			v.Notes = append(v.Notes, fmt.Sprintf("page of step %d to %s by %s: %s, which the log does not say yet", p.Step, p.Contact, p.Channel, p.State))
		}
	}
	v.Again = Again(d.Log)
	for _, r := range v.Again {
		switch d, _ := DecisionOf(d.Log[max(0, min(r.Line, len(d.Log))-1)]); {
		case r.Same:
		case d.LeftOut != "" || r.otherRules():
			v.Notes = append(v.Notes, fmt.Sprintf("decision in line %d: %s", r.Line, r.Why))
		default:
			fault("decision in line %d: %s", r.Line, r.Why)
		}
	}
	return v, nil
}

// rank is how far a page has come.
func (p Page) rank() int {
	return slices.Index([]string{string(insole.PageQueued), string(insole.PageFailed), string(insole.PageAccepted), string(insole.PageOpened), string(insole.PageAnswered)}, p.State)
}

// Has says whether the chain of d, which holds, went through head.
func (d Dossier) Has(head Head) bool {
	return head.N > 0 && head.N <= len(d.Log) && d.Log[head.N-1].N == head.N && d.Log[head.N-1].Hash == head.Hash
}
