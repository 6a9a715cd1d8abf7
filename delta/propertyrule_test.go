package delta_test

import (
	"errors"
	"testing"

	"github.com/freshet/freshet/delta"
)

func TestProperties(t *testing.T) {
	tests := []struct {
		key, value string
		name       string // as Delta spells it
		class      string // of the error, "" for none
	}{
		{"owner", "anyone", "owner", ""},
		{"DELTA.appendonly", "TRUE", "delta.appendOnly", ""},
		{"delta.appendOnly", "yes", "delta.appendOnly", "UNSUPPORTED_TABLE_CHANGE"},
		{"delta.checkpointInterval", "0", "delta.checkpointInterval", "UNSUPPORTED_TABLE_CHANGE"},
		{"delta.logRetentionDuration", "interval 2 weeks", "delta.logRetentionDuration", ""},
		{"delta.logRetentionDuration", "1 month", "delta.logRetentionDuration", "UNSUPPORTED_TABLE_CHANGE"},
		{"delta.feature.DeletionVectors", "supported", "delta.feature.deletionVectors", ""},
		{"delta.feature.deletionVectors", "on", "delta.feature.deletionVectors", "DELTA_UNSUPPORTED_FEATURE_STATUS"},
		{"delta.feature.nope", "supported", "", "DELTA_UNSUPPORTED_FEATURES_IN_CONFIG"},
		{"delta.nope", "1", "", "DELTA_UNKNOWN_CONFIGURATION"},
		{"delta.constraints.c", "x > 0", "", "DELTA_ADD_CONSTRAINTS"},
		{"delta.columnMapping.maxColumnId", "7", "", "DELTA_CANNOT_MODIFY_TABLE_PROPERTY"},
	}
	for _, tt := range tests {
		name, err := delta.PropertyName(tt.key)
		if err == nil {
			err = delta.CheckProperty(name, tt.value)
		}
		class := ""
		if refused, ok := errors.AsType[*delta.AlterError](err); ok {
			class = refused.Class
		} else if err != nil {
			t.Errorf("%s = %s: the error is a %T", tt.key, tt.value, err)
		}
		if name != tt.name || class != tt.class {
			t.Errorf("%s = %s is %q with error %q, want %q with %q", tt.key, tt.value, name, class, tt.name, tt.class)
		}
	}
}
