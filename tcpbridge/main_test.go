package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tcpbridge": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

func TestConfigDefaults(t *testing.T) {
	env := map[string]string{"TABLE": "t", "URGENT_QUEUE_URL": "https://u", "TRACK_QUEUE_URL": "http://t"}
	got, err := configFrom(func(name string) string { return env[name] })
	want := config{
		Table: "t", UrgentURL: "https://u", TrackURL: "http://t", Listen: ":9000", HealthListen: ":9001", TLSListen: ":9443",
		Linger: 30 * time.Second, LingerWaiting: time.Second, PackBytes: 65536, Idle: 15 * time.Minute, AuthTimeout: 10 * time.Second,
		MaxConns: 20000, MaxUnauth: 1000, MaxUnauthAddr: 50, MemoryMB: 64, Grace: 20 * time.Second, KeyCache: 50000, KeyTTL: time.Minute,
		DownlinkEvery: 2 * time.Second, PulseEvery: time.Minute, LogLevel: slog.LevelInfo,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("configFrom error = %v, difference:\n%s", err, diff)
	}
}

func TestCertificate(t *testing.T) {
	cert, key := selfSigned(t)
	_, otherKey := selfSigned(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		err := os.WriteFile(path, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name, cert, key, fault string
	}{
		{"none", "", "", ""},
		{"text", cert, key, ""},
		{"files", file("cert.pem", cert), file("key.pem", key), ""},
		{"key alone", "", key, "BRIDGE_TLS_CERT: not set"},
		{"certificate alone", cert, "", "BRIDGE_TLS_KEY: not set"},
		{"of another", cert, otherKey, "BRIDGE_TLS_CERT: with BRIDGE_TLS_KEY"},
		{"no such file", filepath.Join(dir, "none.pem"), key, "BRIDGE_TLS_CERT: open"},
		{"neither", cert, strings.Repeat("secret", 100), "BRIDGE_TLS_KEY: neither"},
	} {
		env := map[string]string{"TABLE": "t", "URGENT_QUEUE_URL": "https://u", "TRACK_QUEUE_URL": "https://t", "BRIDGE_TLS_CERT": tt.cert, "BRIDGE_TLS_KEY": tt.key}
		c, err := configFrom(func(name string) string { return env[name] })
		switch {
		case tt.fault == "" && (err != nil || (c.Certificate != nil) != (tt.cert != "")):
			t.Errorf("%s: certificate %v, error = %v", tt.name, c.Certificate, err)
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: error = %v, want one with %q", tt.name, err, tt.fault)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the key is in the error: %v", tt.name, err)
		}
	}
}

// selfSigned is a fresh certificate and its key, as PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"bridge.test"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder}))
}
