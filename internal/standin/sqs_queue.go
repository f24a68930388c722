package standin

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

func (s *Server) queueURL(c *call) ([]byte, error) {
	var req struct {
		QueueName              string
		QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	if s.queue(req.QueueName) == nil || req.QueueOwnerAWSAccountID != "" && req.QueueOwnerAWSAccountID != s.opt.Account {
		return nil, errNoSuchQueue
	}
	s.usage.queue(req.QueueName, func(u *QueueUsage) { u.Requests["GetQueueUrl"]++ })
	return json.Marshal(map[string]string{"QueueUrl": s.QueueURL(req.QueueName)})
}

func (s *Server) queueAttributes(c *call) ([]byte, error) {
	var req struct {
		QueueURL       string `json:"QueueUrl"`
		AttributeNames []string
	}
	if err := decodeSQS(c.body, &req); err != nil {
		return nil, err
	}
	q, err := s.queueByURL(req.QueueURL)
	if err != nil {
		return nil, err
	}
	visible, hidden, delayed, err := s.queueCounts(q.Name)
	if err != nil {
		return nil, err
	}
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	all := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"VisibilityTimeout":                     seconds(q.Visibility),
		"MessageRetentionPeriod":                seconds(q.Retention),
		"DelaySeconds":                          seconds(q.Delay),
		"ReceiveMessageWaitTimeSeconds":         seconds(q.Wait),
		"MaximumMessageSize":                    strconv.Itoa(maxMessage),
		"QueueArn":                              s.QueueARN(q.Name),
		"SqsManagedSseEnabled":                  "true",
	}
	if q.DeadLetterARN != "" {
		policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": q.DeadLetterARN, "maxReceiveCount": q.MaxReceives})
		if err != nil {
			return nil, err
		}
		all["RedrivePolicy"] = string(policy)
	}
	for _, name := range req.AttributeNames {
		if _, ok := all[name]; !ok && name != "All" && !slices.Contains([]string{"RedrivePolicy", "Policy", "RedriveAllowPolicy", "KmsMasterKeyId"}, name) {
			return nil, sqsError("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
		}
	}
	s.usage.queue(q.Name, func(u *QueueUsage) { u.Requests["GetQueueAttributes"]++ })
	picked := pickAttributes(all, req.AttributeNames)
	if len(picked) == 0 {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]any{"Attributes": picked})
}
