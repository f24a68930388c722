package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"solewatch/internal/insole"
)

// MaxMessage is the longest message API Gateway carries to a connection, in bytes. Its documentation says 128 KB.
const MaxMessage = 128_000

// A Poster sends messages to WebSocket connections through API Gateway's management API.
type Poster struct {
	api *apigatewaymanagementapi.Client
}

// NewPoster makes a Poster. The endpoint is that of the SDK's environment; nothing is tried twice by the SDK itself,
// because push decides when a connection is given up.
func NewPoster(cfg aws.Config) *Poster {
	return &Poster{api: apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) {
		o.Retryer = aws.NopRetryer{}
	})}
}

// Post sends data to one connection. The error wraps insole.ErrNotFound when there is no such connection, any more or yet.
func (p *Poster) Post(ctx context.Context, connection string, data []byte) error {
	_, err := p.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &connection, Data: data})
	return posted("posting to", connection, err)
}

// Drop closes one connection; the browser then connects again and fetches the board. The error is as Post's.
func (p *Poster) Drop(ctx context.Context, connection string) error {
	_, err := p.api.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connection})
	return posted("closing", connection, err)
}

func posted(what, connection string, err error) error {
	var gone *types.GoneException
	switch {
	case err == nil:
		return nil
	case errors.As(err, &gone):
		return fmt.Errorf("%s connection %s: %w", what, connection, insole.ErrNotFound)
	}
	return fmt.Errorf("%s connection %s: %w", what, connection, err)
}
