// Package store keeps everything in one DynamoDB table. Conditions live in the writes; expired items are filtered
// again at every read, because DynamoDB deletes them within days only.
package store

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"solewatch/internal/insole"
)

// The table, item by item. Nothing outside this file spells a key.
//
//	item        PK                        SK                              t         read by
//	org list    ORGS                      <org>                           orgref    watchdog
//	org         ORG#<org>                 ORG                             org       api
//	team        ORG#<org>                 TEAM#<team>                     team      api, alarm
//	worker      ORG#<org>                 WORKER#<worker>                 worker    api
//	insole ref  ORG#<org>                 INSOLE#<insole>                 insoleref api
//	contact     ORG#<org>                 CONTACT#<contact>               contact   api, alarm
//	zone        ORG#<org>                 ZONE#<zone>                     zone      api, ingest
//	user        ORG#<org>                 USER#<user>                     user      api
//	feed        ORG#<org>#FEED            FEED                            feed      push, socket: the sequence of the live feed
//	insole      INSOLE#<insole>           INSOLE                          insole    bridge, ingest: org, team, worker, key
//	login       LOGIN#<email>             LOGIN                           login     api: which org and user an e-mail address is
//	session     SESSION#<hash>            SESSION                         session   authorizer
//	ticket      TICKET#<hash>             TICKET                          ticket    socket, once
//	throttle    THROTTLE#<subject>        THROTTLE                        throttle  api: failed logins
//	live        ORG#<org>#LIVE#<0…f>      <insole>                        live      ingest, api, watchdog; ≤ 1 KiB, no index
//	history     INSOLE#<insole>#<day>     <time>#<key of first report>    history   api: an insole's day
//	quarantine  QUARANTINE#<day>          <time>#<hash>                   raw       people
//	alarm       ORG#<org>#ALARM#<alarm>   ALARM                           alarm     alarm, api
//	alias       ORG#<org>#ALARM#<cause>   ALARM                           alias     ingest: a cause that joined an alarm which was open
//	page        ORG#<org>#ALARM#<alarm>   PAGE#<step>#<contact>#<channel> page      alarm
//	link        LINK#<hash>               LINK                            link      api: which page an answer link belongs to
//	log         ORG#<org>#ALARM#<alarm>   LOG#<number>                    log       api: a chain, see package audit
//	open alarm  ORG#<org>#OPEN            <worker>#<kind>                 open      api: the board; holds the alarm's name
//	refusal     ORG#<org>#REFUSED#<worker> <time>#<kind>#<why>            refusal   api: why there was no alarm
//	nuisance    ORG#<org>#NUISANCE        <worker>#<kind>                 nuisance  ingest, watchdog, api: what is set aside
//	ended alarm ORG#<org>#ENDED#<month>   <time>#<alarm>                  ended     api
//	connection  ORG#<org>#CONN            <connection>                    conn      push
//	console     ORG#<org>#DUTY            CONSOLE#<connection>            console   watchdog, api: a screen that is on duty, for three minutes
//	unwatched   ORG#<org>#DUTY            TEAM#<team>                     unwatched the same: a team that nobody watches
//	conn ref    CONN#<connection>         CONN                            connref   socket, at $disconnect
//	checkin     ORG#<org>#CHECKINS        <worker>                        checkin   checkin, api, push: what is asked of a worker, and when next
//	check line  ORG#<org>#CHECKED#<worker> <time>#<version>.<n>           checkinline api: what happened to a worker's check-ins
//	worker link LINK#<hash>               WORKER                          workerlink api: which worker a link belongs to
//	care        ORG#<org>#CARE            <worker>                        care      api: a worker's medical note and who is close to them
//	looked      ORG#<org>#LOOKED#<worker> <time>#<user>                   looked    api: who looked at a worker
//	downlink    DOWNLINK#<0…3>            <insole>#<number>               downlink  bridge, ingest, watchdog: orders that are not answered
//	muster      ORG#<org>#MUSTER          <muster>                        muster    api, alarm, watchdog: evacuations and roll-calls
//	summons     ORG#<org>#MUSTER#<muster>#<0…7> <worker>                  summons   api, alarm, ingest: one person in a muster
//	beat        PARTS                     BEAT#<part>#<instance>          beat      watchdog, api: that a part of ours works
//	verdict     PARTS                     VERDICT#<part>                  verdict   the same: how it is held to be
//	turn        PARTS#TURNS               <time>#<part>                   turn      api: how that changed, a week
//	canary run  PARTS#RUNS                <time>                          run       api: each call of the canary wearer, two days
//	drill       ORG#<org>#DRILLS          <team>                          drill     api: the newest exercise of a team
//	pulse       PULSES                    BRIDGE#<bridge>                 pulse     watchdog: until when a bridge's way to ingest has worked
//	quiet       PULSES                    QUIET#<dialect>                 quiet     watchdog: when nobody of a language was heard
//
// Index "due" (sparse): duePK DUE#<0…3>, dueSK <time>#<name>, on alarms with a next step or deadline, on pages not yet
// accepted, and on musters with something to do; read by watchdog's sweep. Attribute "t" names the kind of item, "ttl" is its end in epoch seconds.
type key struct{ PK, SK string }

// DueIndex is the sparse index of what is due, and DueShards how many partitions it is spread over.
const (
	DueIndex  = "due"
	DueShards = 4
)

// LiveShards is how many partitions the live items of one org are spread over.
const LiveShards = 16

// sortable prints a time so that string order is time order. (RFC3339Nano does not: it drops trailing zeros.)
const sortable = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Format(sortable) }

func checkInKey(o insole.OrgID, w insole.WorkerID) key {
	return key{"ORG#" + string(o) + "#CHECKINS", string(w)}
}

// orgOfCheckInPK is the org in the partition key of a checkInKey.
func orgOfCheckInPK(pk string) (insole.OrgID, bool) {
	rest, ok := strings.CutPrefix(pk, "ORG#")
	if !ok {
		return "", false
	}
	org, ok := strings.CutSuffix(rest, "#CHECKINS")
	return insole.OrgID(org), ok
}

func checkInLineKey(o insole.OrgID, w insole.WorkerID, at time.Time, n string) key {
	return key{"ORG#" + string(o) + "#CHECKED#" + string(w), stamp(at) + "#" + n}
}

func workerLinkKey(hash string) key { return key{"LINK#" + hash, "WORKER"} }

// checkInDueKey is dueKey of a worker's check-ins.
func checkInDueKey(at time.Time, o insole.OrgID, w insole.WorkerID) (pk, sk string) {
	h := fnv.New32a()
	h.Write([]byte(w))
	return checkInDuePK(int(h.Sum32() % DueShards)), stamp(at) + "#" + string(o) + "#" + string(w)
}

func checkInDuePK(shard int) string { return "DUE#C" + strconv.Itoa(shard) }

func orgKey(o insole.OrgID) key    { return key{"ORG#" + string(o), "ORG"} }
func orgRefKey(o insole.OrgID) key { return key{"ORGS", string(o)} }
func teamKey(o insole.OrgID, t insole.TeamID) key {
	return key{"ORG#" + string(o), "TEAM#" + string(t)}
}
func workerKey(o insole.OrgID, w insole.WorkerID) key {
	return key{"ORG#" + string(o), "WORKER#" + string(w)}
}
func insoleRefKey(o insole.OrgID, i insole.ID) key {
	return key{"ORG#" + string(o), "INSOLE#" + string(i)}
}
func contactKey(o insole.OrgID, c insole.ContactID) key {
	return key{"ORG#" + string(o), "CONTACT#" + string(c)}
}
func zoneKey(o insole.OrgID, z insole.ZoneID) key {
	return key{"ORG#" + string(o), "ZONE#" + string(z)}
}
func userKey(o insole.OrgID, u insole.UserID) key {
	return key{"ORG#" + string(o), "USER#" + string(u)}
}
func feedKey(o insole.OrgID) key                    { return key{"ORG#" + string(o) + "#FEED", "FEED"} }
func insoleKey(i insole.ID) key                     { return key{"INSOLE#" + string(i), "INSOLE"} }
func loginKey(email string) key                     { return key{"LOGIN#" + email, "LOGIN"} }
func sessionKey(hash string) key                    { return key{"SESSION#" + hash, "SESSION"} }
func ticketKey(hash string) key                     { return key{"TICKET#" + hash, "TICKET"} }
func throttleKey(subject string) key                { return key{"THROTTLE#" + subject, "THROTTLE"} }
func linkKey(hash string) key                       { return key{"LINK#" + hash, "LINK"} }
func alarmKey(o insole.OrgID, a insole.AlarmID) key { return key{alarmPK(o, a), "ALARM"} }
func openKey(o insole.OrgID, w insole.WorkerID, k insole.AlarmKind) key {
	return key{"ORG#" + string(o) + "#OPEN", string(w) + "#" + string(k)}
}
func refusalKey(o insole.OrgID, w insole.WorkerID, at time.Time, what string) key {
	return key{"ORG#" + string(o) + "#REFUSED#" + string(w), stamp(at) + "#" + what}
}
func nuisanceKey(o insole.OrgID, w insole.WorkerID, k insole.AlarmKind) key {
	return key{"ORG#" + string(o) + "#NUISANCE", string(w) + "#" + string(k)}
}
func endedKey(o insole.OrgID, at time.Time, a insole.AlarmID) key {
	return key{"ORG#" + string(o) + "#ENDED#" + at.UTC().Format("2006-01"), stamp(at) + "#" + string(a)}
}
func connKey(o insole.OrgID, id string) key { return key{"ORG#" + string(o) + "#CONN", id} }
func consoleKey(o insole.OrgID, id string) key {
	return key{"ORG#" + string(o) + "#DUTY", consolePrefix + id}
}
func unwatchedKey(o insole.OrgID, t insole.TeamID) key {
	return key{"ORG#" + string(o) + "#DUTY", "TEAM#" + string(t)}
}

const consolePrefix = "CONSOLE#"

// consoleOfSK is the connection in the sort key of a consoleKey.
func consoleOfSK(sk string) string { return strings.TrimPrefix(sk, consolePrefix) }

func connRefKey(id string) key { return key{"CONN#" + id, "CONN"} }
func careKey(o insole.OrgID, w insole.WorkerID) key {
	return key{"ORG#" + string(o) + "#CARE", string(w)}
}
func lookedKey(o insole.OrgID, w insole.WorkerID, at time.Time, u insole.UserID) key {
	return key{"ORG#" + string(o) + "#LOOKED#" + string(w), stamp(at) + "#" + string(u)}
}

const partsPK, turnsPK, runsPK = "PARTS", "PARTS#TURNS", "PARTS#RUNS"

func beatKey(part, instance string) key     { return key{partsPK, "BEAT#" + part + "#" + instance} }
func verdictKey(part string) key            { return key{partsPK, "VERDICT#" + part} }
func turnKey(at time.Time, part string) key { return key{turnsPK, stamp(at) + "#" + part} }
func runKey(at time.Time) key               { return key{runsPK, stamp(at)} }

func alarmPK(o insole.OrgID, a insole.AlarmID) string {
	return "ORG#" + string(o) + "#ALARM#" + string(a)
}

func pageKey(p insole.Page) key {
	return key{alarmPK(p.Org, p.Alarm), fmt.Sprintf("PAGE#%04d#%s#%s", p.Step, p.Contact, p.Channel)}
}

func logKey(o insole.OrgID, a insole.AlarmID, n int) key {
	return key{alarmPK(o, a), fmt.Sprintf("LOG#%08d", n)}
}

func liveKey(o insole.OrgID, i insole.ID) key {
	h := fnv.New32a()
	h.Write([]byte(i))
	return key{livePK(o, int(h.Sum32()%LiveShards)), string(i)}
}

func livePK(o insole.OrgID, shard int) string {
	return "ORG#" + string(o) + "#LIVE#" + strconv.FormatInt(int64(shard), 16)
}

func historyPK(i insole.ID, day time.Time) string {
	return "INSOLE#" + string(i) + "#" + day.UTC().Format(time.DateOnly)
}

func historyKey(i insole.ID, at time.Time, report string) key {
	return key{historyPK(i, at), stamp(at) + "#" + report}
}

// downlinkKey is where an order to insole i waits, in a shard of its insole's.
func downlinkKey(i insole.ID, id uint32) key {
	h := fnv.New32a()
	h.Write([]byte(i))
	return key{downlinkPK(int(h.Sum32() % DownlinkShards)), fmt.Sprintf("%s#%08x", i, id)}
}

func drillKey(o insole.OrgID, t insole.TeamID) key {
	return key{"ORG#" + string(o) + "#DRILLS", string(t)}
}

// pulseKey is where it is known how the way from one bridge to ingest does, and quietKey when nobody who speaks a language was heard.
func pulseKey(bridge string) key          { return key{pulsePK, "BRIDGE#" + bridge} }
func quietKey(dialect insole.Dialect) key { return key{pulsePK, "QUIET#" + string(dialect)} }

const pulsePK = "PULSES"

func downlinkPK(shard int) string { return "DOWNLINK#" + strconv.Itoa(shard) }

// MusterShards is how many partitions the people of one muster are spread over: enough to write thousands in a few seconds.
const MusterShards = 8

func musterKey(o insole.OrgID, m insole.MusterID) key {
	return key{"ORG#" + string(o) + "#MUSTER", string(m)}
}

func summonsKey(o insole.OrgID, m insole.MusterID, w insole.WorkerID) key {
	h := fnv.New32a()
	h.Write([]byte(w))
	return key{summonsPK(o, m, int(h.Sum32()%MusterShards)), string(w)}
}

func summonsPK(o insole.OrgID, m insole.MusterID, shard int) string {
	return musterKey(o, m).PK + "#" + string(m) + "#" + strconv.Itoa(shard)
}

func quarantineKey(at time.Time, hash string) key {
	return key{"QUARANTINE#" + at.UTC().Format(time.DateOnly), stamp(at) + "#" + hash}
}

// dueKey is where the index has what becomes due at at; name tells apart what is due in the same millisecond.
func dueKey(at time.Time, name string) (pk, sk string) {
	h := fnv.New32a()
	h.Write([]byte(name))
	return duePK(int(h.Sum32() % DueShards)), stamp(at) + "#" + name
}

func duePK(shard int) string { return "DUE#" + strconv.Itoa(shard) }

// splitAlarmPK is the other half of alarmPK.
func splitAlarmPK(pk string) (o insole.OrgID, a insole.AlarmID, ok bool) {
	rest, ok := strings.CutPrefix(pk, "ORG#")
	if !ok {
		return "", "", false
	}
	org, alarm, ok := strings.Cut(rest, "#ALARM#")
	return insole.OrgID(org), insole.AlarmID(alarm), ok
}

// orgOfLivePK is the org in a livePK.
func orgOfLivePK(pk string) (insole.OrgID, bool) {
	rest, ok := strings.CutPrefix(pk, "ORG#")
	if !ok {
		return "", false
	}
	org, _, ok := strings.Cut(rest, "#LIVE#")
	return insole.OrgID(org), ok
}

// orgOfMusterPK is the org in the PK of a musterKey.
func orgOfMusterPK(pk string) (insole.OrgID, bool) {
	rest, ok := strings.CutPrefix(pk, "ORG#")
	if !ok {
		return "", false
	}
	org, ok := strings.CutSuffix(rest, "#MUSTER")
	return insole.OrgID(org), ok
}
