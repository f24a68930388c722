package alarm

import "context"

type becauseKey struct{}

// Because is ctx with the decision behind whatever a Raiser does in it: it becomes the data of the log line that says so. See audit.Decision.
func Because(ctx context.Context, data string) context.Context {
	return context.WithValue(ctx, becauseKey{}, data)
}

func because(ctx context.Context) string {
	data, _ := ctx.Value(becauseKey{}).(string)
	return data
}
