package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.etcd.io/bbolt"
)

// SNS limits.
const (
	maxPublish = 256 << 10 // bytes of a message, attributes included
	maxSMS     = 1600      // characters
	maxSubject = 100       // characters
	snsChunk   = 64 << 10
)

// snsOps are the SNS operations that are served. Each returns the inside of its Result element, nil for none.
var snsOps = map[string]func(*Server, *call, url.Values) ([]byte, error){
	"Publish":                   (*Server).publish,
	"CreateTopic":               (*Server).createTopic,
	"Subscribe":                 (*Server).subscribe,
	"Unsubscribe":               (*Server).unsubscribe,
	"ListSubscriptionsByTopic":  (*Server).listSubscriptions,
	"SetSubscriptionAttributes": (*Server).setSubscriptionAttribute,
	"GetSubscriptionAttributes": (*Server).subscriptionAttributes,

	"GetSMSSandboxAccountStatus": (*Server).smsSandbox,
	"GetSMSAttributes":           (*Server).smsAttributes,
}

// snsParameters are the members each operation knows, up to the first dot.
var snsParameters = map[string]string{
	"Publish":                   "TopicArn PhoneNumber TargetArn Message Subject MessageAttributes",
	"CreateTopic":               "Name Tags Attributes",
	"Subscribe":                 "TopicArn Protocol Endpoint Attributes ReturnSubscriptionArn",
	"Unsubscribe":               "SubscriptionArn",
	"ListSubscriptionsByTopic":  "TopicArn NextToken",
	"SetSubscriptionAttributes": "SubscriptionArn AttributeName AttributeValue",
	"GetSubscriptionAttributes": "SubscriptionArn",

	"GetSMSSandboxAccountStatus": "",
	"GetSMSAttributes":           "attributes",
}

func badSNS(format string, args ...any) *apiError {
	return badRequest("InvalidParameter", "Invalid parameter: "+fmt.Sprintf(format, args...))
}

func notFound(what string) *apiError {
	return &apiError{Status: http.StatusNotFound, Type: "NotFound", Message: what + " does not exist"}
}

func (s *Server) serveSNS(c *call) ([]byte, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, badRequest("MalformedQueryString", err.Error())
	}
	for name := range form {
		first, _, _ := strings.Cut(name, ".")
		if first != "Action" && first != "Version" && !slices.Contains(strings.Fields(snsParameters[c.op]), first) {
			return nil, badSNS("%s Reason: stand-in: the parameter is not served", name)
		}
	}
	if c.op != "Publish" {
		s.usage.with(func(u *Usage) { u.SNS.Requests++ })
	}
	return snsOps[c.op](s, c, form)
}

func (s *Server) topicOf(form url.Values) (string, error) {
	arn := form.Get("TopicArn")
	if parts := strings.Split(arn, ":"); len(parts) != 6 || parts[2] != "sns" {
		return "", badSNS("TopicArn Reason: An ARN must have at least 6 elements, not %d", len(strings.Split(arn, ":")))
	}
	if arn != s.TopicARN(arnName(arn)) || !s.hasTopic(arnName(arn)) {
		return "", notFound("Topic")
	}
	return arn, nil
}

// publishAttributes reads MessageAttributes.entry.N.
func publishAttributes(form url.Values) (map[string]MessageAttribute, int, error) {
	out := map[string]MessageAttribute{}
	size := 0
	for i := 1; ; i++ {
		p := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		name := form.Get(p + "Name")
		if name == "" {
			return out, size, nil
		}
		a := MessageAttribute{DataType: form.Get(p + "Value.DataType"), StringValue: form.Get(p + "Value.StringValue")}
		base, _, _ := strings.Cut(a.DataType, ".")
		if base != "String" && base != "Number" && base != "Binary" {
			return nil, 0, badRequest("ParameterValueInvalid", "The message attribute '"+name+"' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
		}
		if base != "Binary" && a.StringValue == "" {
			return nil, 0, badRequest("ParameterValueInvalid", "The message attribute '"+name+"' must contain non-empty message attribute value for message attribute type '"+a.DataType+"'.")
		}
		if a.DataType == "String.Array" && !json.Valid([]byte(a.StringValue)) {
			return nil, 0, badRequest("ParameterValueInvalid", "The message attribute '"+name+"' is not a valid JSON array.")
		}
		out[name] = a
		size += len(name) + a.size()
	}
}

func (s *Server) publish(c *call, form url.Values) ([]byte, error) {
	message := form.Get("Message")
	targets := 0
	for _, name := range []string{"TopicArn", "PhoneNumber", "TargetArn"} {
		if form.Has(name) {
			targets++
		}
	}
	attrs, size, err := publishAttributes(form)
	switch {
	case err != nil:
		return nil, err
	case targets != 1:
		return nil, badSNS("TopicArn or TargetArn or PhoneNumber Reason: exactly one is needed, %d given", targets)
	case message == "":
		return nil, badSNS("Empty message")
	case !utf8.ValidString(message):
		return nil, badSNS("Message Reason: not valid UTF-8")
	case len(message)+size > maxPublish:
		return nil, badSNS("Message too long")
	case form.Has("Subject") && !goodSubject(form.Get("Subject")):
		return nil, badSNS("Subject")
	}
	if form.Has("TargetArn") {
		if form.Set("TopicArn", form.Get("TargetArn")); strings.Contains(form.Get("TargetArn"), ":endpoint/") {
			return nil, badSNS("TargetArn Reason: stand-in: mobile endpoints are not served")
		}
	}
	id := newUUID()
	var notices []Notice
	if form.Has("PhoneNumber") {
		notices, err = s.smsNotice(form.Get("PhoneNumber"), message, attrs)
	} else {
		notices, err = s.topicNotices(form, message, attrs)
	}
	if err != nil {
		return nil, err
	}
	if c.strikes.has(FaultDuplicate) {
		notices = append(notices, notices...)
	}
	for i := range notices {
		notices[i].MessageID = id
	}
	if err := s.deliver(notices); err != nil {
		return nil, err
	}
	s.usage.with(func(u *Usage) { u.SNS.Publishes += chunks(len(message)+size, snsChunk) })
	return xmlElement("MessageId", id), nil
}

// deliver puts notices into the outbox and counts them.
func (s *Server) deliver(notices []Notice) error {
	if len(notices) == 0 {
		return nil
	}
	for i := range notices {
		notices[i].At = s.opt.Now().UTC()
	}
	if err := s.update(func(tx *bbolt.Tx) error { return storeNotices(tx, notices) }); err != nil {
		return err
	}
	s.usage.with(func(u *Usage) {
		for _, n := range notices {
			if n.Kind == "sms" {
				u.SNS.SMSParts += int64(n.Parts)
			} else {
				u.SNS.Emails++
			}
		}
	})
	s.announce(notices)
	return nil
}

// goodSubject: UTF-8 without line breaks or controls, at most 100 characters.
func goodSubject(subject string) bool {
	return subject != "" && utf8.ValidString(subject) && utf8.RuneCountInString(subject) <= maxSubject &&
		!strings.ContainsFunc(subject, unicode.IsControl)
}

func (s *Server) smsNotice(number, message string, attrs map[string]MessageAttribute) ([]Notice, error) {
	if !e164.MatchString(number) {
		return nil, badSNS("PhoneNumber Reason: %s is not valid to publish to", number)
	}
	if utf8.RuneCountInString(message) > maxSMS {
		return nil, badSNS("Message Reason: an SMS has at most %d characters", maxSMS)
	}
	from := "NOTICE"
	if a, ok := attrs["AWS.SNS.SMS.SenderID"]; ok {
		from = a.StringValue
	}
	return []Notice{{Kind: "sms", To: number, From: from, Text: message, Parts: smsParts(message)}}, nil
}

func (s *Server) topicNotices(form url.Values, message string, attrs map[string]MessageAttribute) ([]Notice, error) {
	arn, err := s.topicOf(form)
	if err != nil {
		return nil, err
	}
	var list []subscription
	err = s.db.View(func(tx *bbolt.Tx) error {
		var err error
		list, err = subscriptions(tx, arn)
		return err
	})
	if err != nil {
		return nil, err
	}
	subject := form.Get("Subject")
	if subject == "" {
		subject = "AWS Notification Message"
	}
	var out []Notice
	for _, sub := range list {
		if sub.pending() || !sub.wants(attrs) {
			continue
		}
		if sub.Protocol == "sms" {
			one, err := s.smsNotice(sub.Endpoint, message, attrs)
			if err != nil {
				s.log.Warn("sms of a topic not delivered", "topic", arn, "err", err)
				continue
			}
			one[0].Topic = arn
			out = append(out, one...)
			continue
		}
		link := s.base() + "/_standin/unsubscribe?arn=" + url.QueryEscape(sub.ARN)
		out = append(out, Notice{Kind: "email", To: sub.Endpoint, From: mailFrom, Subject: subject, Topic: arn, Link: link,
			Text: message + "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\n" +
				link + "\n\nPlease do not reply directly to this email."})
	}
	return out, nil
}

const mailFrom = "AWS Notifications <no-reply@sns.amazonaws.com>"

func (s *Server) createTopic(_ *call, form url.Values) ([]byte, error) {
	name := form.Get("Name")
	if name == "" || len(name) > 256 || !topicNames.MatchString(name) {
		return nil, badSNS("Topic Name")
	}
	if form.Has("Attributes.entry.1.key") {
		return nil, badSNS("Attributes Reason: stand-in: topic attributes are not served")
	}
	if err := s.EnsureTopic(name); err != nil {
		return nil, err
	}
	return xmlElement("TopicArn", s.TopicARN(name)), nil
}

func (s *Server) subscribe(_ *call, form url.Values) ([]byte, error) {
	topic, err := s.topicOf(form)
	if err != nil {
		return nil, err
	}
	sub := subscription{ARN: topic + ":" + newUUID(), Topic: topic, Protocol: form.Get("Protocol"), Endpoint: form.Get("Endpoint"), Made: s.opt.Now()}
	switch {
	case sub.Protocol == "sms" && !e164.MatchString(sub.Endpoint):
		return nil, badSNS("Invalid SMS endpoint: %s", sub.Endpoint)
	case sub.Protocol == "email" && !emails.MatchString(sub.Endpoint):
		return nil, badSNS("Email address")
	case sub.Protocol != "sms" && sub.Protocol != "email":
		return nil, badSNS("Protocol Reason: stand-in: the protocol %q is not served", sub.Protocol)
	}
	for i := 1; form.Has(fmt.Sprintf("Attributes.entry.%d.key", i)); i++ {
		p := fmt.Sprintf("Attributes.entry.%d.", i)
		if err := sub.setAttribute(form.Get(p+"key"), form.Get(p+"value")); err != nil {
			return nil, err
		}
	}
	if sub.Protocol == "email" {
		sub.Token = newUUID()
	}
	err = s.update(func(tx *bbolt.Tx) error {
		list, err := subscriptions(tx, topic)
		if err != nil {
			return err
		}
		for _, old := range list {
			if old.Protocol != sub.Protocol || old.Endpoint != sub.Endpoint {
				continue
			}
			if form.Has("Attributes.entry.1.key") && (old.Filter != sub.Filter || old.Raw != sub.Raw || old.Scope != sub.Scope) {
				return badSNS("Attributes Reason: Subscription already exists with different attributes")
			}
			sub = old
			return nil
		}
		return putJSON(tx.Bucket(bktSubs), sub.ARN, sub)
	})
	if err != nil {
		return nil, err
	}
	if sub.pending() {
		if err := s.askToConfirm(sub); err != nil {
			return nil, err
		}
	}
	if sub.pending() && form.Get("ReturnSubscriptionArn") != "true" {
		return xmlElement("SubscriptionArn", "pending confirmation"), nil
	}
	return xmlElement("SubscriptionArn", sub.ARN), nil
}

// askToConfirm sends the e-mail that AWS sends to a new address; a second Subscribe sends it again.
func (s *Server) askToConfirm(sub subscription) error {
	link := s.base() + "/_standin/confirm?token=" + url.QueryEscape(sub.Token)
	return s.deliver([]Notice{{Kind: "confirm", To: sub.Endpoint, From: mailFrom, Topic: sub.Topic, Link: link,
		Subject: "AWS Notification - Subscription Confirmation",
		Text: "You have chosen to subscribe to the topic:\n" + sub.Topic +
			"\n\nTo confirm this subscription, click or visit the link below (If this was in error no action is necessary):\n" + link +
			"\n\nPlease do not reply directly to this email."}})
}

// Confirm confirms the e-mail subscription of a confirmation link's token, as its reader would by following the
// link. A token that is unknown, used or older than 48 h is an error.
func (s *Server) Confirm(token string) (arn string, err error) {
	err = s.update(func(tx *bbolt.Tx) error {
		list, err := subscriptions(tx, "")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(sub subscription) bool { return sub.pending() && sub.Token == token })
		if i < 0 || s.opt.Now().Sub(list[i].Made) >= pendingFor {
			return badSNS("Token")
		}
		sub := list[i]
		sub.Token, arn = "", sub.ARN
		return putJSON(tx.Bucket(bktSubs), sub.ARN, sub)
	})
	return arn, err
}

// findSubscription reads the one of form's SubscriptionArn.
func findSubscription(tx *bbolt.Tx, form url.Values) (subscription, error) {
	var sub subscription
	arn := form.Get("SubscriptionArn")
	if len(strings.Split(arn, ":")) < 7 {
		return sub, badSNS("SubscriptionArn Reason: An ARN must have at least 7 elements")
	}
	raw := tx.Bucket(bktSubs).Get([]byte(arn))
	if raw == nil {
		return sub, notFound("Subscription")
	}
	return sub, json.Unmarshal(raw, &sub)
}

func (s *Server) unsubscribe(_ *call, form url.Values) ([]byte, error) {
	return nil, s.update(func(tx *bbolt.Tx) error {
		sub, err := findSubscription(tx, form)
		var e *apiError
		switch {
		case errors.As(err, &e) && e.Type == "NotFound":
			return nil // AWS, too, has no complaint about one that is gone
		case err != nil:
			return err
		}
		return tx.Bucket(bktSubs).Delete([]byte(sub.ARN))
	})
}

// listPage is how many subscriptions AWS lists at once.
const listPage = 100

func (s *Server) listSubscriptions(_ *call, form url.Values) ([]byte, error) {
	topic, err := s.topicOf(form)
	if err != nil {
		return nil, err
	}
	var list []subscription
	err = s.db.View(func(tx *bbolt.Tx) error {
		var err error
		list, err = subscriptions(tx, topic)
		return err
	})
	if err != nil {
		return nil, err
	}
	from := form.Get("NextToken")
	list = slices.DeleteFunc(list, func(sub subscription) bool { return sub.ARN <= from })
	var b []byte
	for _, sub := range list[:min(len(list), listPage)] {
		arn := sub.ARN
		if sub.pending() {
			arn = "PendingConfirmation"
		}
		member := slices.Concat(xmlElement("TopicArn", sub.Topic), xmlElement("Protocol", sub.Protocol), xmlElement("SubscriptionArn", arn),
			xmlElement("Owner", s.opt.Account), xmlElement("Endpoint", sub.Endpoint))
		b = append(b, xmlWrap("member", member)...)
	}
	out := xmlWrap("Subscriptions", b)
	if len(list) > listPage {
		out = append(out, xmlElement("NextToken", list[listPage-1].ARN)...)
	}
	return out, nil
}

func (sub *subscription) setAttribute(name, v string) error {
	switch name {
	case "FilterPolicy":
		if v == "" || v == "{}" {
			sub.Filter = ""
			return nil
		}
		if _, err := readFilter(v); err != nil {
			return badSNS("FilterPolicy: %v", err)
		}
		sub.Filter = v
	case "FilterPolicyScope":
		if v != "MessageAttributes" {
			return badSNS("FilterPolicyScope Reason: stand-in: only MessageAttributes is served")
		}
		sub.Scope = v
	case "RawMessageDelivery":
		if v != "false" {
			return badSNS("RawMessageDelivery Reason: not for sms and email")
		}
		sub.Raw = v
	default:
		return badSNS("AttributeName")
	}
	return nil
}

func (s *Server) setSubscriptionAttribute(_ *call, form url.Values) ([]byte, error) {
	return nil, s.update(func(tx *bbolt.Tx) error {
		sub, err := findSubscription(tx, form)
		if err != nil {
			return err
		}
		if err := sub.setAttribute(form.Get("AttributeName"), form.Get("AttributeValue")); err != nil {
			return err
		}
		return putJSON(tx.Bucket(bktSubs), sub.ARN, sub)
	})
}

func (s *Server) subscriptionAttributes(_ *call, form url.Values) ([]byte, error) {
	var sub subscription
	err := s.db.View(func(tx *bbolt.Tx) error {
		var err error
		sub, err = findSubscription(tx, form)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"SubscriptionArn": sub.ARN, "TopicArn": sub.Topic, "Protocol": sub.Protocol, "Endpoint": sub.Endpoint, "Owner": s.opt.Account,
		"PendingConfirmation": fmt.Sprint(sub.pending()), "ConfirmationWasAuthenticated": fmt.Sprint(!sub.pending() && sub.Protocol == "sms"),
		"RawMessageDelivery": "false", "SubscriptionPrincipal": "arn:aws:iam::" + s.opt.Account + ":root",
	}
	if sub.Filter != "" {
		all["FilterPolicy"], all["FilterPolicyScope"] = sub.Filter, "MessageAttributes"
	}
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b = append(b, xmlWrap("entry", append(xmlElement("key", name), xmlElement("value", all[name])...))...)
	}
	return xmlWrap("Attributes", b), nil
}
