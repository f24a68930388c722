package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.etcd.io/bbolt"
)

// sqsOps are the SQS operations that are served.
var sqsOps = map[string]func(*Server, *call) ([]byte, error){
	"SendMessage":             (*Server).sendMessage,
	"SendMessageBatch":        (*Server).sendBatch,
	"ReceiveMessage":          (*Server).receiveMessage,
	"DeleteMessage":           (*Server).deleteMessage,
	"DeleteMessageBatch":      (*Server).deleteBatch,
	"ChangeMessageVisibility": (*Server).changeMessageVisibility,
	"GetQueueAttributes":      (*Server).queueAttributes,
	"GetQueueUrl":             (*Server).queueURL,
}

// sqsError is an error of SQS with the code that its older protocol had for it.
func sqsError(typ, query, message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: typ, Query: query, Message: message}
}

func badParameter(format string, args ...any) *apiError {
	return sqsError("InvalidParameterValueException", "InvalidParameterValue", fmt.Sprintf(format, args...))
}

func missing(name string) *apiError {
	return sqsError("MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter "+name+".")
}

func badHandle(h string) *apiError {
	return sqsError("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", `The input receipt handle "`+h+`" is not a valid receipt handle.`)
}

var errNoSuchQueue = sqsError("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")

// decodeSQS is decode with SQS's own words for an unknown member.
func decodeSQS(body []byte, into any) error {
	var e *apiError
	err := decode(body, into)
	if errors.As(err, &e) && e.Type == "ValidationException" {
		return sqsError("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", e.Message)
	}
	return err
}

func (s *Server) queueByURL(u string) (*Queue, error) {
	if u == "" {
		return nil, missing("QueueUrl")
	}
	if q := s.queue(u[strings.LastIndexByte(u, '/')+1:]); q != nil {
		return q, nil
	}
	return nil, errNoSuchQueue
}

// A sendEntry is a SendMessage, or one entry of a batch with its Id.
type sendEntry struct {
	ID                string `json:"Id"`
	MessageBody       *string
	DelaySeconds      *int
	MessageAttributes map[string]sqsAttribute
	MessageGroupID    string                  `json:"MessageGroupId"` // on a standard queue: fairness among tenants
	System            map[string]sqsAttribute `json:"MessageSystemAttributes"`
}

type sqsAttribute struct {
	DataType         string
	StringValue      *string  `json:",omitempty"`
	BinaryValue      *[]byte  `json:",omitempty"`
	StringListValues []string `json:",omitempty"`
	BinaryListValues []string `json:",omitempty"`
}

func (e *sendEntry) size() int {
	n := 0
	if e.MessageBody != nil {
		n = len(*e.MessageBody)
	}
	for name, a := range e.MessageAttributes {
		n += len(name) + len(a.DataType)
		if a.StringValue != nil {
			n += len(*a.StringValue)
		}
		if a.BinaryValue != nil {
			n += len(*a.BinaryValue)
		}
	}
	return n
}

// message checks the entry and makes the message of it.
func (e *sendEntry) message(q *Queue) (outgoing, error) {
	m := outgoing{delay: q.Delay}
	if e.MessageBody == nil || *e.MessageBody == "" {
		return m, missing("MessageBody")
	}
	m.ID, m.Body = newUUID(), *e.MessageBody
	if bad, ok := illegalXML(m.Body); ok {
		return m, sqsError("InvalidMessageContents", "InvalidMessageContents",
			fmt.Sprintf("Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF: #x%X", bad))
	}
	if e.size() > maxMessage {
		return m, badParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxMessage)
	}
	if e.DelaySeconds != nil {
		m.delay = time.Duration(*e.DelaySeconds) * time.Second
		if m.delay < 0 || m.delay > maxDelay {
			return m, badParameter("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *e.DelaySeconds)
		}
	}
	if len(e.MessageAttributes) > 10 {
		return m, badParameter("Number of message attributes [%d] exceeds the allowed maximum [10].", len(e.MessageAttributes))
	}
	for name, a := range e.MessageAttributes {
		attr, err := a.attribute(name)
		if err != nil {
			return m, err
		}
		if m.Attributes == nil {
			m.Attributes = map[string]MessageAttribute{}
		}
		m.Attributes[name] = attr
	}
	m.System = map[string]string{}
	if e.MessageGroupID != "" {
		m.System["MessageGroupId"] = e.MessageGroupID
	}
	for name, a := range e.System {
		if name != "AWSTraceHeader" || a.StringValue == nil {
			return m, badParameter("Message system attribute name '%s' is invalid.", name)
		}
		m.System[name] = *a.StringValue
	}
	return m, nil
}

var attributeNames = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,256}$`)

func (a sqsAttribute) attribute(name string) (MessageAttribute, error) {
	out := MessageAttribute{DataType: a.DataType}
	base, _, _ := strings.Cut(a.DataType, ".")
	lower := strings.ToLower(name)
	switch {
	case !attributeNames.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return out, badParameter("Message attribute name '%s' is invalid.", name)
	case base != "String" && base != "Number" && base != "Binary":
		return out, badParameter("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case a.StringListValues != nil || a.BinaryListValues != nil:
		return out, badParameter("Message attribute list values in SendMessage operation are not supported.")
	case base == "Binary" && a.BinaryValue != nil && len(*a.BinaryValue) > 0:
		out.BinaryValue = *a.BinaryValue
		return out, nil
	case base != "Binary" && a.StringValue != nil && *a.StringValue != "":
		out.StringValue = *a.StringValue
		if bad, ok := illegalXML(out.StringValue); ok {
			return out, badParameter("Invalid binary character '#x%X' was found in the message attribute '%s' value.", bad, name)
		}
		return out, nil
	}
	return out, badParameter("The message attribute '%s' must contain a non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
}

// illegalXML finds the first character that XML 1.0 has no place for.
func illegalXML(s string) (rune, bool) {
	for i, r := range s {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000:
			if r == utf8.RuneError {
				if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
					return rune(s[i]), true
				}
			}
		default:
			return r, true
		}
	}
	return 0, false
}

func (s *Server) store(q *Queue, list []outgoing) error {
	now := s.opt.Now()
	err := s.update(func(tx *bbolt.Tx) error { return putMessages(tx, q.Name, now, list...) })
	if err == nil {
		s.wake.wake("q:" + q.Name)
	}
	return err
}

type sendResult struct {
	ID              string `json:"Id,omitempty"`
	MessageID       string `json:"MessageId"`
	MD5             string `json:"MD5OfMessageBody"`
	MD5OfAttributes string `json:"MD5OfMessageAttributes,omitempty"`
}

func result(id string, m outgoing) sendResult {
	return sendResult{id, m.ID, md5Hex(m.Body), md5OfAttributes(m.Attributes)}
}

func (s *Server) sendMessage(c *call) ([]byte, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		sendEntry
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	m, err := req.message(q)
	if err != nil {
		return nil, err
	}
	m.twice = c.strikes.has(FaultDuplicate)
	if err := s.store(q, []outgoing{m}); err != nil {
		return nil, err
	}
	s.usage.queue(q.Name, func(u *QueueUsage) {
		u.Requests["SendMessage"] += chunks(req.size(), sqsChunk)
		u.Messages++
	})
	return json.Marshal(result("", m))
}

var entryIDs = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

// checkBatch refuses a batch that is empty, too long, or whose ids are bad or not distinct.
func checkBatch(entry string, ids []string) error {
	switch {
	case len(ids) == 0:
		return sqsError("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one "+entry+" in the request.")
	case len(ids) > 10:
		return sqsError("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
			fmt.Sprintf("Maximum number of entries per request are 10. You have sent %d.", len(ids)))
	}
	for i, id := range ids {
		if !entryIDs.MatchString(id) {
			return sqsError("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.Contains(ids[:i], id) {
			return sqsError("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id "+id+" repeated.")
		}
	}
	return nil
}

// A failedEntry is one entry of a batch that was not done.
type failedEntry struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

func failed(id string, e *apiError) failedEntry {
	code := e.Query
	if code == "" {
		code = e.Type
	}
	return failedEntry{id, e.Status < 500, code, e.Message}
}

var errEntry = &apiError{Status: 500, Type: "InternalError", Message: "We encountered an internal error. Please try again."}

func (s *Server) sendBatch(c *call) ([]byte, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []sendEntry
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(req.Entries))
	size := 0
	for i := range req.Entries {
		ids = append(ids, req.Entries[i].ID)
		size += req.Entries[i].size()
	}
	if err := checkBatch("SendMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	if size > maxMessage {
		return nil, sqsError("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
			fmt.Sprintf("Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, size))
	}
	lost := make([]bool, len(ids))
	if c.strikes.has(FaultPartialBatch) {
		lost = victims(len(ids))
	}
	ok, bad := []sendResult{}, []failedEntry{}
	var list []outgoing
	for i := range req.Entries {
		m, err := req.Entries[i].message(q)
		var e *apiError
		switch {
		case errors.As(err, &e):
			bad = append(bad, failed(ids[i], e))
		case lost[i]:
			bad = append(bad, failed(ids[i], errEntry))
		default:
			m.twice = c.strikes.has(FaultDuplicate)
			list = append(list, m)
			ok = append(ok, result(ids[i], m))
		}
	}
	if c.strikes.has(FaultReorder) {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	if len(list) > 0 {
		if err := s.store(q, list); err != nil {
			return nil, err
		}
	}
	s.usage.queue(q.Name, func(u *QueueUsage) {
		u.Requests["SendMessageBatch"] += chunks(size, sqsChunk)
		u.Messages += int64(len(list))
	})
	return json.Marshal(map[string]any{"Successful": ok, "Failed": bad})
}

func (s *Server) receiveMessage(c *call) ([]byte, error) {
	var req struct {
		QueueURL                    string `json:"QueueUrl"`
		MaxNumberOfMessages         *int
		WaitTimeSeconds             *int
		VisibilityTimeout           *int
		AttributeNames              []string
		MessageSystemAttributeNames []string
		MessageAttributeNames       []string
		ReceiveRequestAttemptID     string `json:"ReceiveRequestAttemptId"` // means something on FIFO queues only
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	o := receiveOptions{max: 1, wait: q.Wait, visibility: q.Visibility, strikes: c.strikes}
	if n := req.MaxNumberOfMessages; n != nil {
		if o.max = *n; *n < 1 || *n > 10 {
			return nil, badParameter("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", *n)
		}
	}
	if n := req.WaitTimeSeconds; n != nil {
		if o.wait = time.Duration(*n) * time.Second; *n < 0 || o.wait > maxWait {
			return nil, badParameter("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", *n)
		}
	}
	if n := req.VisibilityTimeout; n != nil {
		if o.visibility = time.Duration(*n) * time.Second; *n < 0 || o.visibility > maxVisibility {
			return nil, badParameter("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided.", *n)
		}
	}
	got, err := s.receive(c.ctx, q, o)
	if err != nil {
		return nil, err
	}
	if len(got) == 0 {
		return []byte("{}"), nil
	}
	type wireMessage struct {
		MessageID       string `json:"MessageId"`
		ReceiptHandle   string
		Body            string
		MD5             string                  `json:"MD5OfBody"`
		MD5OfAttributes string                  `json:"MD5OfMessageAttributes,omitempty"`
		Attributes      map[string]string       `json:",omitempty"`
		MessageAttrs    map[string]sqsAttribute `json:"MessageAttributes,omitempty"`
	}
	out := make([]wireMessage, 0, len(got))
	for _, m := range got {
		picked := pickMessageAttributes(m.MessageAttributes, req.MessageAttributeNames)
		out = append(out, wireMessage{m.ID, m.ReceiptHandle, m.Body, m.MD5, md5OfAttributes(picked),
			pickAttributes(m.Attributes, append(req.AttributeNames, req.MessageSystemAttributeNames...)), wireAttributes(picked)})
	}
	return json.Marshal(map[string]any{"Messages": out})
}

func pickAttributes(all map[string]string, want []string) map[string]string {
	if slices.Contains(want, "All") {
		return all
	}
	out := map[string]string{}
	for _, name := range want {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return out
}

// pickMessageAttributes follows MessageAttributeNames: names, "prefix.*", ".*" or "All".
func pickMessageAttributes(all map[string]MessageAttribute, want []string) map[string]MessageAttribute {
	out := map[string]MessageAttribute{}
	for name, a := range all {
		for _, w := range want {
			prefix, wild := strings.CutSuffix(w, ".*")
			if w == name || w == "All" || wild && strings.HasPrefix(name, prefix) {
				out[name] = a
			}
		}
	}
	return out
}

func wireAttributes(in map[string]MessageAttribute) map[string]sqsAttribute {
	out := map[string]sqsAttribute{}
	for name, a := range in {
		w := sqsAttribute{DataType: a.DataType}
		if a.binary() {
			w.BinaryValue = &a.BinaryValue
		} else {
			w.StringValue = &a.StringValue
		}
		out[name] = w
	}
	return out
}

func (s *Server) deleteMessage(c *call) ([]byte, error) {
	var req struct {
		QueueURL      string `json:"QueueUrl"`
		ReceiptHandle string
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	err = s.Delete(q.Name, req.ReceiptHandle)
	if errors.Is(err, ErrReceipt) {
		return nil, badHandle(req.ReceiptHandle)
	}
	return []byte("{}"), err
}

func (s *Server) deleteBatch(c *call) ([]byte, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []struct {
			ID            string `json:"Id"`
			ReceiptHandle string
		}
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	var ids, handles []string
	for _, e := range req.Entries {
		ids, handles = append(ids, e.ID), append(handles, e.ReceiptHandle)
	}
	if err := checkBatch("DeleteMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	type done struct {
		ID string `json:"Id"`
	}
	lost := make([]bool, len(ids))
	if c.strikes.has(FaultPartialBatch) {
		lost = victims(len(ids))
	}
	ok, bad := []done{}, []failedEntry{}
	var keep, keepIDs []string
	for i := range ids {
		if lost[i] {
			bad = append(bad, failed(ids[i], errEntry))
			continue
		}
		keep, keepIDs = append(keep, handles[i]), append(keepIDs, ids[i])
	}
	for i, err := range s.DeleteBatch(q.Name, keep) {
		switch {
		case errors.Is(err, ErrReceipt):
			bad = append(bad, failed(keepIDs[i], badHandle(keep[i])))
		case err != nil:
			return nil, err
		default:
			ok = append(ok, done{keepIDs[i]})
		}
	}
	return json.Marshal(map[string]any{"Successful": ok, "Failed": bad})
}

func (s *Server) changeMessageVisibility(c *call) ([]byte, error) {
	var req struct {
		QueueURL          string `json:"QueueUrl"`
		ReceiptHandle     string
		VisibilityTimeout *int
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	if req.VisibilityTimeout == nil {
		return nil, missing("VisibilityTimeout")
	}
	d := time.Duration(*req.VisibilityTimeout) * time.Second
	if d < 0 || d > maxVisibility {
		return nil, badParameter("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", *req.VisibilityTimeout)
	}
	s.usage.queue(q.Name, func(u *QueueUsage) { u.Requests["ChangeMessageVisibility"]++ })
	err = s.changeVisibility(q.Name, req.ReceiptHandle, d)
	if errors.Is(err, ErrReceipt) {
		return nil, badHandle(req.ReceiptHandle)
	}
	return []byte("{}"), err
}
