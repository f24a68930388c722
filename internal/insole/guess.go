package insole

// A Guess is why an insole has fallen silent, as far as what it said before tells, and is shown as a guess; or what is wrong with one, which is known.
type Guess string

const (
	GuessBattery  Guess = "battery"      // it was nearly empty
	GuessOff      Guess = "switched-off" // it said that it goes away, and has not come back
	GuessTakenOff Guess = "taken-off"    // it said that it was off the foot
	GuessDeadZone Guess = "dead-zone"    // its last positions were poor, or others fell silent near there
	GuessOutage   Guess = "outage"       // a part of ours was away for longer than silence may be put down to it
	GuessUnheard  Guess = "unheard"      // nothing has been heard of it since before the shift
	GuessUnknown  Guess = "unknown"      // nothing speaks for any of them

	GuessClock   Guess = "clock"   // its clock has been wrong for long
	GuessGarbled Guess = "garbled" // much of what it sends is understood by nobody
)
