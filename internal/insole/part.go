package insole

import "strings"

// CanaryOrg is the org of the canary wearer: a synthetic insole that calls for help every few minutes, so that the whole path to a page is known
// to work. Nobody signs in there, nobody's topic is subscribed to, and no list of orgs has it.
const CanaryOrg OrgID = "solewatch-canary"

// partPrefix cannot begin the name of a worker or an insole.
const partPrefix = "part:"

// PartWorker is what stands for a part of ours where an alarm has its worker.
func PartWorker(part string) WorkerID { return WorkerID(partPrefix + part) }

// PartOf is the other half of PartWorker; ok is false for a worker.
func PartOf(w WorkerID) (part string, ok bool) { return strings.CutPrefix(string(w), partPrefix) }
