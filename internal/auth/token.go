package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"solewatch/internal/insole"
)

// tokenBytes is how much chance a session token or a ticket holds.
const tokenBytes = 32

var b64url = base64.RawURLEncoding

// newToken makes a token and the name under which it is stored: the table never holds a token that would open a door.
func newToken() (token, hash string) {
	raw := make([]byte, tokenBytes)
	rand.Read(raw)
	return b64url.EncodeToString(raw), hashOf(raw)
}

// tokenHash gives the name under which token is stored. A token that newToken could not have made is ErrNotFound,
// without a question to the table.
func tokenHash(token string) (string, error) {
	if len(token) != b64url.EncodedLen(tokenBytes) {
		return "", fmt.Errorf("token of %d characters: %w", len(token), insole.ErrNotFound)
	}
	raw, err := b64url.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes { // the decoder passes over line ends
		return "", fmt.Errorf("token: %w", insole.ErrNotFound)
	}
	return hashOf(raw), nil
}

func hashOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
