package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"solewatch/internal/insole"
	"solewatch/internal/store"
	"solewatch/internal/tally"
)

type reportInput struct {
	Month  string `path:"month" maxLength:"40" doc:"as 2026-11; a month begins and ends in UTC" example:"2026-11"`
	Format string `query:"format" enum:"json,csv" default:"json"`
}

// reportAnswer is a tally.Report, or its CSV as bytes.
type reportAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        any
}

func (a *API) reportRoutes(h huma.API) {
	o := op("report", http.MethodGet, "/api/reports/{month}", "What became of the alarms of a month", "reports", insole.Supervisor)
	o.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[tally.Report](), true, "Report")},
			"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString, Description: "One header line, then one number a line: month, table, kind, measure, value, unit."}},
		},
	}}
	huma.Register(h, o, a.report)
}

// readers is how many alarms of a report are read at once.
const readers = 16

func (a *API) report(ctx context.Context, in *reportInput) (*reportAnswer, error) {
	org, now := who(ctx).Org, a.Now().UTC()
	month, err := tally.Month(in.Month, now)
	if err != nil {
		return nil, a.fail(ctx, &problem{what: badMonth, args: []string{"given", strings.ToValidUTF8(in.Month, "?")}, cause: err})
	}
	open, err := a.Desk.Open(ctx, org) // first: an alarm that ends meanwhile is seen twice, not never
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	ended, unread, err := a.ended(ctx, org, month)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	open = slices.DeleteFunc(open, func(o insole.Alarm) bool {
		return slices.ContainsFunc(ended, func(f store.AlarmFile) bool { return f.Alarm.ID == o.ID })
	})
	r := tally.Of(month, ended, open, now)
	r.Unread = unread
	if in.Format != "csv" {
		return &reportAnswer{ContentType: "application/json", Body: r}, nil
	}
	var b bytes.Buffer
	err = r.WriteCSV(&b)
	if err != nil {
		return nil, a.fail(ctx, err)
	}
	return &reportAnswer{
		ContentType: "text/csv; charset=utf-8; header=present",
		Disposition: `attachment; filename="solewatch-` + r.Month + `.csv"`,
		Body:        b.Bytes(),
	}, nil
}

// ended reads every alarm of org that ended in month, with its pages and log; unread of them are not there any more.
func (a *API) ended(ctx context.Context, org insole.OrgID, month time.Time) (files []store.AlarmFile, unread int, err error) {
	ids, err := a.Store.EndedAlarms(ctx, org, month)
	if err != nil {
		return nil, 0, err
	}
	all := make([]store.AlarmFile, len(ids))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, id := range ids {
		g.Go(func() (err error) {
			all[i], err = a.Desk.Get(gctx, org, id)
			if errors.Is(err, insole.ErrNotFound) {
				return nil
			}
			return err
		})
	}
	err = g.Wait()
	if err != nil {
		return nil, 0, err
	}
	for _, f := range all {
		if f.Alarm.ID == "" {
			unread++
			continue
		}
		files = append(files, f)
	}
	return files, unread, nil
}
