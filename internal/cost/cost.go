// Package cost says what AWS would have billed for a run on one machine.
//
// Prices are the list prices of us-east-1 as of 2025-26, in US dollars; storage, data transfer and what runs by the hour (the bridge and its
// load balancer) are left out, since a run says nothing about them.
package cost

import (
	"fmt"
	"io"
	"text/tabwriter"

	"solewatch/internal/standin"
)

// Prices, in dollars for one unit.
const (
	sqsRequest  = 0.40 / 1e6
	writeUnit   = 0.625 / 1e6
	readUnit    = 0.125 / 1e6
	invocation  = 0.20 / 1e6
	gbSecond    = 0.0000133334 // arm64
	publish     = 0.50 / 1e6
	email       = 2.0 / 1e5
	httpRequest = 1.00 / 1e6
	socketPost  = 1.00 / 1e6
)

// A Line is one thing that is billed.
type Line struct {
	Name    string
	Units   float64
	Dollars float64
}

// A Bill is what a run cost.
type Bill []Line

// Of makes the bill of u.
func Of(u standin.Usage) Bill {
	var writes, indexWrites, reads, requests float64
	for _, t := range u.DynamoDB {
		writes += t.WriteUnits
		reads += t.ReadUnits
		for _, n := range t.IndexWrite {
			indexWrites += n
		}
		for _, n := range t.IndexRead {
			reads += n
		}
	}
	for _, q := range u.SQS {
		for _, n := range q.Requests {
			requests += float64(n)
		}
	}
	gbs := u.Other["lambda.gbMs"] / 1000
	line := func(name string, units, price float64) Line { return Line{name, units, units * price} }
	return Bill{
		line("DynamoDB write units, table", writes, writeUnit),
		line("DynamoDB write units, indexes", indexWrites, writeUnit),
		line("DynamoDB read units", reads, readUnit),
		line("SQS requests of 64 KiB", requests, sqsRequest),
		line("Lambda invocations", u.Other["lambda.invocations"], invocation),
		line("Lambda GB-seconds", gbs, gbSecond),
		line("WebSocket messages of 32 KB", float64(u.Connections.Posts), socketPost),
		line("HTTP API requests", u.Other["httpapi.requests"], httpRequest),
		line("SNS publishes", float64(u.SNS.Publishes), publish),
		line("SNS e-mails", float64(u.SNS.Emails), email),
	}
}

// Sub is what was billed since before, line by line.
func (b Bill) Sub(before Bill) Bill {
	out := make(Bill, len(b))
	for i, l := range b {
		out[i] = l
		if i < len(before) {
			out[i].Units -= before[i].Units
			out[i].Dollars -= before[i].Dollars
		}
	}
	return out
}

// Total is the whole bill in dollars.
func (b Bill) Total() float64 {
	var sum float64
	for _, l := range b {
		sum += l.Dollars
	}
	return sum
}

// Print writes the bill as a table, and beside each line what a million reports would have cost when the run
// had that many. No reports: that column is left out.
func (b Bill) Print(w io.Writer, reports int) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(l Line) {
		if reports > 0 {
			fmt.Fprintf(tw, "%s\t%.0f\t%.6f $\t%.3f $/M\t\n", l.Name, l.Units, l.Dollars, l.Dollars/float64(reports)*1e6)
			return
		}
		fmt.Fprintf(tw, "%s\t%.0f\t%.6f $\t\n", l.Name, l.Units, l.Dollars)
	}
	for _, l := range b {
		if l.Units != 0 {
			row(l)
		}
	}
	row(Line{Name: "total", Units: float64(reports), Dollars: b.Total()})
	tw.Flush()
}
