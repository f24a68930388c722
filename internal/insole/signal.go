package insole

// CommandSignal lets the wearer feel that somebody wants them to call.
const CommandSignal Command = "signal"
