package alarm

import (
	"context"
	"errors"

	"solewatch/internal/insole"
	"solewatch/internal/store"
)

// Felt is what the wearer is to feel when before becomes after, and what they must not feel any more. Pure; asked again, it names the same orders.
//
//	taken by somebody (else)                taken
//	ended by a person                       cancelled
//	taken no longer, and still open         the order "taken" is withdrawn: nobody is coming
//
// Of a covert SOS nothing is ever felt, nor of a drill, whose wearer has not pressed. Of an insole that is off the foot, running empty or out of reach nothing can be, or nobody waits for it.
func Felt(before, after insole.Alarm) (give, withdraw []insole.Downlink) {
	if after.Insole == "" {
		return nil, nil
	}
	switch after.Kind {
	case insole.AlarmSOS, insole.AlarmFall, insole.AlarmStill:
	default:
		return nil, nil
	}
	taken := func(a insole.Alarm) insole.Downlink {
		return insole.NewDownlink(a.Insole, a.Org, a.ID, insole.CommandTaken, a.TakenAt)
	}
	was, is := before.State == insole.Taken, after.State == insole.Taken
	switch {
	case is && (!was || !before.TakenAt.Equal(after.TakenAt)):
		give = append(give, taken(after))
	case was && after.State.Open() && !is:
		withdraw = append(withdraw, taken(before))
	case before.State.Open() && after.State == insole.Resolved:
		give = append(give, insole.NewDownlink(after.Insole, after.Org, after.ID, insole.CommandCancelled, after.EndedAt))
	}
	return give, withdraw
}

// feel is Felt, and what a drill leaves behind, as parts of the transaction that writes after, and lines for its log. While the worker has a covert SOS open nothing is given,
// nor when that cannot be told. An insole that cannot signal is given nothing, and the log says so.
func feel(ctx context.Context, s *store.Store, before, after insole.Alarm) ([]store.Also, []store.LogLine) {
	give, withdraw := Felt(before, after)
	var also []store.Also
	var log []store.LogLine
	if d, ok := exercised(before, after); ok {
		also = append(also, store.Exercised(d))
	}
	for _, d := range withdraw {
		also = append(also, store.Withdraw(d))
	}
	if len(give) == 0 {
		return also, nil
	}
	if _, err := s.OpenAlarm(ctx, after.Org, after.Worker, insole.AlarmCovertSOS); !errors.Is(err, insole.ErrNotFound) {
		return also, nil
	}
	also = append(also, store.NoDuress(after.Org, after.Worker)) // nor if one is opened this very moment: then it is looked at again
	for _, d := range give {
		if d.Insole.Speaks() != insole.SOLE {
			log = append(log, store.LogLine{At: d.MadeAt, What: "unable-" + string(d.Command)})
			continue
		}
		also = append(also, store.Order(d))
	}
	return also, log
}
