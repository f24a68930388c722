// Package sole reads and writes SOLE/1, the native language of the insoles.
//
// It holds no socket and no clock. Integers are big-endian. A frame is
//
//	53 T LL LL body [MAC MAC MAC MAC MAC MAC MAC MAC] CC CC
//
//	53    'S', always
//	T     type, one ASCII letter: upper case = open, lower case (bit 20) = authenticated, that is, with MAC
//	LLLL  length of body in bytes, at most 1010, so that no frame is longer than 1024
//	MAC   first 8 bytes of HMAC-SHA256(key of the direction, counter u64 · 53 T LLLL body); the counter is not
//	      sent: it is the number of authenticated frames sent before in this direction and session, from 0
//	CCCC  CRC-16/IBM-3740 (poly 1021, init FFFF, check value 29B1) of everything before it
//
//	T          from    body
//	4C 'L' HELLO     insole  version u8 = 1 · id [8] · client nonce [8] · boot epoch u32
//	43 'C' CHALLENGE server  version u8 = 1 · server nonce [16]
//	52 'R' REJECT    server  reason u8 · version u8 (the highest the server speaks)
//	61 'a' AUTH      insole  empty
//	77 'w' WELCOME   server  time u64, ms since 1970 UTC
//	64 'd' DATA      insole  see below
//	6B 'k' ACK       server  frame number u16
//	6E 'n' NACK      server  frame number u16 · reason u8
//	76 'v' DOWNLINK  server  id u32 · command u8 · arguments
//	62 'b' BYE       both    reason u8
//
// A body may be longer than this table says (DATA excepted): what follows belongs to a newer version, is covered by the MAC
// and otherwise ignored. An authenticated frame of an unknown type is verified, counted and ignored.
//
// A session is HELLO, CHALLENGE, then any authenticated frame from the insole, AUTH or DATA, whose MAC proves it.
// The server answers the first one with WELCOME, which proves the server. The keys of the session are
//
//	PRK  = HKDF-Extract(SHA-256, salt = server nonce · client nonce, secret = the insole's 32-byte key)
//	keys = HKDF-Expand(SHA-256, PRK, info = "SOLE/1 session keys" · HELLO body · CHALLENGE body, 64)
//	up   = keys[0:32], insole to server;  down = keys[32:64], server to insole
//
// A DATA body is
//
//	number u16 · boot u32 · base sequence u32 · base time u32 (s since 1970 UTC) · count u8 · records
//
// and a record is
//
//	length u8 (of what follows it) · kind u8 · flags u8
//	[flag 20: boot u32] · sequence uvarint · [unless flag 40: time svarint]
//	[flag 01: fix] · [flag 02: battery] · [flag 04: expect] · [flag 08: steps] · [flag 10: posture] · [flag 80: tail]
//
//	sequence  added to the base sequence; with flag 20 the whole sequence of the boot given there
//	time      milliseconds added to the base time; flag 40 = the insole has no clock
//	fix       lat i32 · lon i32 (1e-7°) · altitude i16 (m) · speed u16 (cm/s) · course u16 (0.01°) · accuracy u16 (m, 0 = not
//	          said) · satellites u8 · source u8 (1 gps 2 cell 3 wifi 4 beacon) · age uvarint (s before the record's time)
//	battery   u8 (bits 0-6 percent, bit 7 charging) · u16 (mV, 0 = not said)
//	expect    uvarint, seconds until the insole will report again
//	steps     uvarint, since boot
//	posture   u8: 1 standing 2 walking 3 running 4 sitting 5 lying
//	tail      fields to the end of the record: tag u8 · length u8 · value; unknown tags are skipped
//	          01 pre-alarm: duration u16 (s) · about u8 (a kind)
//	          02 answer: downlink id u32 · result u8
//
//	kind  01 fix 02 status 03 steps 04 battery 10 pre-alarm 11 pre-alarm-cancel 12 sos 13 covert-sos 14 fall
//	      15 still 16 low-battery 17 taken-off 18 check-in 19 upright 1A answer
//
// uvarint is LEB128 as in Go's encoding/binary and Protocol Buffers; svarint is its zigzag form. A record may be longer than its
// flags account for only by its tail. The permanent name of a record is (insole, boot, sequence).
//
// Source: docs/protocol.md, section 1, where an exchange is worked byte by byte.
package sole
