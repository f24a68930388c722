package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
)

// Argon2id with 46 MiB, one pass, one lane: OWASP's first choice ("Password Storage Cheat Sheet", argon2id m=47104, t=1,
// p=1). One Lambda environment of 512 MB handles one request at a time, so that one such block is in use at once, and
// the pass takes about 50 ms of a full CPU.
const (
	argonMemory = 46 * 1024 // KiB
	argonPasses = 1
	argonLanes  = 1
	argonSalt   = 16 // bytes
	argonSum    = 32 // bytes
)

// Bounds of what a stored hash may ask for: a broken row must not take the memory of the function.
const (
	maxMemory = 256 * 1024 // KiB
	maxPasses = 16
)

// MinPassword and MaxPassword bound a password, in bytes. The upper bound keeps the work of one sign-in known.
const (
	MinPassword = 10
	MaxPassword = 200
)

// ErrHash is the error of a stored password that cannot be read.
var ErrHash = errors.New("stored password cannot be read")

var b64 = base64.RawStdEncoding

// HashPassword gives the PHC string to store for password:
//
//	$argon2id$v=19$m=47104,t=1,p=1$<salt>$<sum>
//
// Source: the PHC string format (github.com/P-H-C/phc-string-format).
func HashPassword(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonSum)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, argonMemory, argonPasses, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// VerifyPassword says whether password is the one that phc was made from. It returns ErrHash when phc is not a hash
// that HashPassword could have written, today or with other parameters.
func VerifyPassword(phc, password string) (bool, error) {
	p := strings.Split(phc, "$")
	if len(p) != 6 || p[0] != "" || p[1] != "argon2id" || p[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, ErrHash
	}
	var memory, passes uint32
	var lanes uint8
	n, err := fmt.Sscanf(p[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	if err != nil || n != 3 || memory < 8 || memory > maxMemory || passes < 1 || passes > maxPasses || lanes < 1 {
		return false, ErrHash
	}
	salt, err := b64.DecodeString(p[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return false, ErrHash
	}
	want, err := b64.DecodeString(p[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, ErrHash
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// dummyHash is verified for an address that nobody has, so that the answer takes as long as for a wrong password.
var dummyHash = sync.OnceValue(func() string { return HashPassword("nobody has this password") })

// NewPassword makes a password that a person can type: four groups of five letters and digits, 100 bits.
func NewPassword() string {
	s := strings.ToLower(rand.Text()[:20])
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}
