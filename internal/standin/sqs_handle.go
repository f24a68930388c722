package standin

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// handle spells a receipt handle; opaque to everybody else.
func handle(queue string, key []byte, nonce uint32) string {
	raw := binary.BigEndian.AppendUint32(slices.Clone(key), nonce)
	return base64.StdEncoding.EncodeToString(append(raw, queue...))
}

func readHandle(queue, h string) (key []byte, nonce uint32, err error) {
	raw, err := base64.StdEncoding.DecodeString(h)
	if err != nil || len(raw) < 12 || string(raw[12:]) != queue {
		return nil, 0, fmt.Errorf("receipt handle %q: %w", h, ErrReceipt)
	}
	return raw[:8], binary.BigEndian.Uint32(raw[8:]), nil
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the digest SQS documents: names in order, each name, type and value with its length.
func md5OfAttributes(attrs map[string]MessageAttribute) string {
	if len(attrs) == 0 {
		return ""
	}
	names := make([]string, 0, len(attrs))
	for n := range attrs {
		names = append(names, n)
	}
	slices.Sort(names)
	h := md5.New()
	put := func(s string) {
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		_, _ = h.Write([]byte(s))
	}
	for _, n := range names {
		a := attrs[n]
		put(n)
		put(a.DataType)
		if a.binary() {
			_, _ = h.Write([]byte{2})
			put(string(a.BinaryValue))
			continue
		}
		_, _ = h.Write([]byte{1})
		put(a.StringValue)
	}
	return hex.EncodeToString(h.Sum(nil))
}
