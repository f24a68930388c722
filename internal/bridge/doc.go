// Package bridge holds the connections of the insoles and carries what they say to the queues.
//
// One frame goes
//
//	socket → link (epoll or goroutine) → session.feed: framed, proven → room in memory? → lane
//	lane urgent: at once, coalesced only with what waits already
//	lane track:  held per insole up to its linger, packed across insoles
//	lane → queue; its answer for that very entry → session.settle → acknowledgement
//
// Promises, each with a test: nothing is acknowledged before the queue has said that it keeps that very entry; memory is bounded, and a
// connection for whose frames there is no room is not read; nothing in the track lane can delay the urgent lane; an insole is never refused for a
// fault of ours.
//
// The parts, by file: server (accept, drain), newcomer (from the first byte to a session), session (one insole's connection), sole and teltonika
// (its language), link and poll (its socket), lane and pack (the way to the queue), budget (memory), assignments (who the insole is), caps,
// proxy, metrics.
package bridge
