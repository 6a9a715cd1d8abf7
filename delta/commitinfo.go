package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// commitInfo is the commitInfo action, its fields in the order in which
// Spark writes them. It is free-form by the protocol: fields of unexpected
// types are read as absent, never as an error.
type commitInfo struct {
	InCommitTimestamp   *int64                     `json:"inCommitTimestamp,omitempty"`
	Timestamp           int64                      `json:"timestamp"`
	UserID              string                     `json:"userId,omitempty"`
	UserName            string                     `json:"userName,omitempty"`
	Operation           string                     `json:"operation"`
	OperationParameters map[string]json.RawMessage `json:"operationParameters"`
	Job                 json.RawMessage            `json:"job,omitempty"`
	Notebook            json.RawMessage            `json:"notebook,omitempty"`
	ClusterID           string                     `json:"clusterId,omitempty"`
	ReadVersion         *int64                     `json:"readVersion,omitempty"`
	IsolationLevel      string                     `json:"isolationLevel,omitempty"`
	IsBlindAppend       *bool                      `json:"isBlindAppend,omitempty"`
	OperationMetrics    map[string]string          `json:"operationMetrics,omitempty"`
	UserMetadata        string                     `json:"userMetadata,omitempty"`
	Tags                map[string]string          `json:"tags,omitempty"`
	EngineInfo          string                     `json:"engineInfo,omitempty"`
	TxnID               string                     `json:"txnId,omitempty"`
}

// UnmarshalJSON implements [json.Unmarshaler]. It never fails on valid JSON.
func (c *commitInfo) UnmarshalJSON(text []byte) error {
	*c = commitInfo{}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil //nolint:nilerr // an odd commitInfo says nothing, and is no damage
	}
	for name, into := range map[string]any{
		"inCommitTimestamp":   &c.InCommitTimestamp,
		"timestamp":           &c.Timestamp,
		"userId":              &c.UserID,
		"userName":            &c.UserName,
		"operation":           &c.Operation,
		"operationParameters": &c.OperationParameters,
		"job":                 &c.Job,
		"notebook":            &c.Notebook,
		"clusterId":           &c.ClusterID,
		"readVersion":         &c.ReadVersion,
		"isolationLevel":      &c.IsolationLevel,
		"isBlindAppend":       &c.IsBlindAppend,
		"userMetadata":        &c.UserMetadata,
		"engineInfo":          &c.EngineInfo,
		"txnId":               &c.TxnID,
	} {
		if raw, ok := fields[name]; ok {
			_ = json.Unmarshal(raw, into) // a field of another type counts as absent
		}
	}
	c.OperationMetrics = textMap(rawMap(fields["operationMetrics"]))
	c.Tags = textMap(rawMap(fields["tags"]))
	return nil
}

func rawMap(text json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	_ = json.Unmarshal(text, &m) // not an object: nothing to show
	return m
}

// textMap returns each value as text: a string's own, other JSON as it stands.
func textMap(m map[string]json.RawMessage) map[string]string {
	if m == nil {
		return nil
	}
	texts := make(map[string]string, len(m))
	for name, raw := range m {
		if text := string(bytes.TrimSpace(raw)); text != "null" {
			texts[name] = jsonText(raw)
		}
	}
	return texts
}

// parameterTexts is [textMap] that keeps nulls, which Spark shows.
func parameterTexts(m map[string]json.RawMessage) map[string]*string {
	if m == nil {
		return nil
	}
	texts := make(map[string]*string, len(m))
	for name, raw := range m {
		texts[name] = nil
		if string(bytes.TrimSpace(raw)) != "null" {
			text := jsonText(raw)
			texts[name] = &text
		}
	}
	return texts
}

func jsonText(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(bytes.TrimSpace(raw))
	}
	return s
}

// encodeParameters returns operation parameters as Spark records them:
// strings, numbers, booleans and null as they are, anything nested as a
// string that holds its JSON.
func encodeParameters(params map[string]any) (map[string]json.RawMessage, error) {
	encoded := make(map[string]json.RawMessage, len(params))
	for name, value := range params {
		raw, err := marshalPlain(value)
		if err == nil && len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') {
			raw, err = marshalPlain(string(raw))
		}
		if err != nil {
			return nil, fmt.Errorf("operation parameter %s: %w", name, err)
		}
		encoded[name] = raw
	}
	return encoded, nil
}

// marshalPlain is [json.Marshal] without escaping of HTML.
func marshalPlain(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// HistoryEntry is one commit as DESCRIBE HISTORY shows it (semantics §15.5).
// What the writer did not say is zero.
type HistoryEntry struct {
	Version   int64
	Timestamp time.Time
	UserID    string
	UserName  string
	Operation string
	// OperationParameters holds each value as text: a JSON string's content,
	// any other JSON as it stands in the log; nil is null.
	OperationParameters map[string]*string
	// Job and Notebook are JSON texts.
	Job, Notebook    string
	ClusterID        string
	ReadVersion      *int64
	IsolationLevel   string
	IsBlindAppend    *bool
	OperationMetrics map[string]string
	UserMetadata     string
	EngineInfo       string
	// TxnID is the unique id of the transaction, or empty.
	TxnID string
}

// historyEntry returns what c says; a nil c says nothing.
func (c *commitInfo) historyEntry(version int64, at time.Time) HistoryEntry {
	if c == nil {
		c = &commitInfo{}
	}
	return HistoryEntry{
		Version:             version,
		Timestamp:           at,
		UserID:              c.UserID,
		UserName:            c.UserName,
		Operation:           c.Operation,
		OperationParameters: parameterTexts(c.OperationParameters),
		Job:                 string(c.Job),
		Notebook:            string(c.Notebook),
		ClusterID:           c.ClusterID,
		ReadVersion:         c.ReadVersion,
		IsolationLevel:      c.IsolationLevel,
		IsBlindAppend:       c.IsBlindAppend,
		OperationMetrics:    c.OperationMetrics,
		UserMetadata:        c.UserMetadata,
		EngineInfo:          c.EngineInfo,
		TxnID:               c.TxnID,
	}
}
