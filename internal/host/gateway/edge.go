package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"solewatch/internal/host/template"
)

// Edge is a small CloudFront: the behaviours of the template's distribution, without its caches. What a behaviour
// does not forward does not reach the origin, and what it refuses is refused, as it would be there.
type Edge struct {
	Distribution *template.Distribution
	Files        *os.Root                // the S3 bucket; nil: empty
	Origins      map[string]http.Handler // by host name
	Log          *slog.Logger
}

// ServeHTTP chooses the first behaviour whose pattern matches.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := e.behavior(r.URL.Path)
	out := &edgeWriter{ResponseWriter: w, edge: e, request: r, headers: b.Headers}
	defer out.finish()
	if !slices.Contains(b.Methods, r.Method) {
		http.Error(out, "This distribution is not configured to allow the HTTP request method that was used for this request.", http.StatusForbidden)
		return
	}
	if b.Bucket != "" {
		e.file(out, r, b.Path+r.URL.Path)
		return
	}
	origin := e.Origins[b.Host]
	if origin == nil {
		http.Error(out, "no such origin", http.StatusBadGateway)
		return
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		origin.ServeHTTP(w, forward(r, b)) // an upgraded connection is not ours to rewrite
		return
	}
	origin.ServeHTTP(out, forward(r, b))
}

func (e *Edge) behavior(p string) template.Behavior {
	all := e.Distribution.Behaviors
	for _, b := range all[:len(all)-1] {
		if wildcard(strings.TrimPrefix(b.Pattern, "/"), strings.TrimPrefix(p, "/")) {
			return b
		}
	}
	return all[len(all)-1]
}

// wildcard matches with * for any text and ? for one byte.
func wildcard(p, s string) bool {
	for p != "" {
		if p[0] == '*' {
			for i := range len(s) + 1 {
				if wildcard(p[1:], s[i:]) {
					return true
				}
			}
			return false
		}
		if s == "" || p[0] != '?' && p[0] != s[0] {
			return false
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}

// forward is the request as the origin gets it.
func forward(r *http.Request, b template.Behavior) *http.Request {
	out := r.Clone(r.Context())
	if b.Path != "" {
		out.URL.Path, out.URL.RawPath = b.Path+out.URL.Path, ""
	}
	if !b.Forward.Query {
		out.URL.RawQuery = ""
	}
	cookie := out.Header.Values("Cookie")
	if !b.Forward.Headers {
		kept := http.Header{}
		for _, name := range []string{
			"Accept-Encoding", "Content-Type", "Content-Length", "Content-Encoding", "Range", "If-Match", "If-None-Match", "If-Modified-Since",
			"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol",
		} {
			if v := out.Header.Values(name); len(v) > 0 {
				kept[name] = v
			}
		}
		kept.Set("User-Agent", "Amazon CloudFront")
		out.Header = kept
		if len(cookie) > 0 {
			out.Header["Cookie"] = cookie
		}
	}
	if !b.Forward.Cookies {
		out.Header.Del("Cookie")
	}
	viewer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err == nil {
		out.Header.Set("X-Forwarded-For", strings.TrimPrefix(r.Header.Get("X-Forwarded-For")+","+viewer, ","))
	}
	out.Header.Set("Via", "2.0 local (CloudFront)")
	return out
}

// edgeWriter puts the behaviour's headers and error pages on an origin's answer.
type edgeWriter struct {
	http.ResponseWriter
	edge    *Edge
	request *http.Request
	headers template.Headers
	wrote   bool
	swap    *template.ErrorPage // the answer is replaced by this page
	status  int
}

// WriteHeader implements http.ResponseWriter.
func (w *edgeWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	if page, ok := w.edge.Distribution.Errors[status]; ok && page.Page != "" {
		w.swap, w.status = &page, status
		return
	}
	w.setHeaders()
	w.ResponseWriter.WriteHeader(status)
}

func (w *edgeWriter) setHeaders() {
	h := w.Header()
	for _, name := range w.headers.Remove {
		h.Del(name)
	}
	for _, s := range w.headers.Set {
		if s.Override || h.Get(s.Name) == "" {
			h.Set(s.Name, s.Value)
		}
	}
	h.Set("X-Cache", "Miss from cloudfront")
}

// Write implements http.ResponseWriter.
func (w *edgeWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.swap != nil {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// finish serves the error page in place of an answer that has one.
func (w *edgeWriter) finish() {
	if w.swap == nil {
		return
	}
	status := w.swap.Status
	if status == 0 {
		status = w.status
	}
	clear(w.Header())
	body, err := w.edge.read(w.swap.Page)
	if err != nil {
		status, body = w.status, []byte(http.StatusText(w.status))
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(w.swap.Page)))
	w.setHeaders()
	w.ResponseWriter.WriteHeader(status)
	_, _ = w.ResponseWriter.Write(body) // a client that is gone cannot be told
}

func (e *Edge) read(name string) ([]byte, error) {
	if e.Files == nil {
		return nil, fs.ErrNotExist
	}
	f, err := e.Files.Open(strings.TrimPrefix(path.Clean("/"+name), "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// file answers for the bucket. A key that is not there is 403, as for a bucket that may not be listed.
func (e *Edge) file(w http.ResponseWriter, r *http.Request, p string) {
	key := strings.TrimPrefix(path.Clean(p), "/")
	if key == "" {
		key = e.Distribution.RootObject
	}
	denied := func() {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
	}
	if e.Files == nil || key == "" || strings.HasSuffix(p, "/") && p != "/" {
		denied()
		return
	}
	f, err := e.Files.Open(key)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && e.Log != nil {
			e.Log.Warn("file not served", "key", key, "err", err)
		}
		denied()
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		denied()
		return
	}
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		w.Header().Set("Content-Type", t)
	}
	if path.Ext(key) == ".webmanifest" {
		w.Header().Set("Content-Type", "application/manifest+json")
	}
	if compressible(w.Header().Get("Content-Type"), r, info.Size()) {
		e.compressed(w, r, f)
		return
	}
	http.ServeContent(w, r, key, info.ModTime(), f)
}

// compressible follows CloudFront: text-like types of 1,000 bytes to 10 MB, for a viewer that takes gzip.
func compressible(contentType string, r *http.Request, size int64) bool {
	if size < 1000 || size > 10_000_000 || r.Header.Get("Range") != "" || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	t, _, _ := strings.Cut(contentType, ";")
	return strings.HasPrefix(t, "text/") || slices.Contains([]string{
		"application/javascript", "application/json", "application/manifest+json", "application/wasm", "image/svg+xml",
	}, t)
}

func (e *Edge) compressed(w http.ResponseWriter, r *http.Request, f io.Reader) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := io.Copy(z, f); err != nil {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	if err := z.Close(); err != nil {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(buf.Bytes()) // a client that is gone cannot be told
	}
}
