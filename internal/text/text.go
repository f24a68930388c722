// Package text holds every sentence the product says to people, in English and French. The sentences are data,
// catalogue/en.json and catalogue/fr.json: flat, sorted keys to texts with {placeholders}. The web page is built from the
// same two files, so that an alarm has one name in a text message, an e-mail and on the screen.
//
//	answer.   the page behind the link of an SMS or e-mail
//	alarm.    kinds and ages, said by pages and by the screen
//	page.     SMS and e-mail
//	part.     what is broken of our own, where a worker's name would stand
//	dryrun.   why somebody would not be reached
//	setting.  the reasons of defaults
//	problem.  what the API answers when it cannot do what was asked
//	web.      the screen
//	worker.   the page behind a link that was sent to a worker
package text

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed catalogue/*.json
var files embed.FS

// Locales lists the languages there are; the first is used when somebody's own is not among them.
var Locales = []string{"en", "fr"}

var catalogues = mustLoad()

func mustLoad() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, l := range Locales {
		b, err := files.ReadFile("catalogue/" + l + ".json")
		if err != nil {
			panic(fmt.Sprintf("text: %v", err))
		}
		c := map[string]string{}
		if err := json.Unmarshal(b, &c); err != nil {
			panic(fmt.Sprintf("text: catalogue/%s.json: %v", l, err))
		}
		all[l] = c
	}
	return all
}

// Say is the text of key in locale ("fr", "fr-CA" …), with its placeholders filled from args: name, value, name, value.
// An unknown locale is English. An unknown key is said as itself, so that a fault here never silences a page.
func Say(locale, key string, args ...string) string {
	t, ok := catalogues[Locale(locale)][key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return t
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+args[i]+"}", args[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(t)
}

// Has says whether key is in the catalogue of every locale.
func Has(key string) bool {
	for _, c := range catalogues {
		if _, ok := c[key]; !ok {
			return false
		}
	}
	return true
}

// Locale is the one of Locales nearest to tag: "fr-CA" is "fr", "de" is "en".
func Locale(tag string) string {
	lang, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	if slices.Contains(Locales, lang) {
		return lang
	}
	return Locales[0]
}

// Negotiate picks one of Locales for an Accept-Language header.
func Negotiate(header string) string {
	best, bestQ := Locales[0], 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, rest, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(rest), "q="); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = f
		}
		lang, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if q > bestQ && slices.Contains(Locales, lang) {
			best, bestQ = lang, q
		}
	}
	return best
}

// Ago says how long ago something was: "12 s ago", "22 min ago", "3 h ago". Less than five seconds, or a time ahead, is
// "just now".
func Ago(locale string, d time.Duration) string {
	switch {
	case d < 5*time.Second:
		return Say(locale, "alarm.ago.now")
	case d < 100*time.Second:
		return Say(locale, "alarm.ago.seconds", "n", strconv.Itoa(int(d/time.Second)))
	case d < 100*time.Minute:
		return Say(locale, "alarm.ago.minutes", "n", strconv.Itoa(int(d/time.Minute)))
	}
	return Say(locale, "alarm.ago.hours", "n", strconv.Itoa(int(d/time.Hour)))
}
