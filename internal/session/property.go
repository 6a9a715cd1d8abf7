package session

import (
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// deltaProperties are the delta.* table properties that may be set (Delta
// table properties reference). The value says what a property needs that
// freshet does not write yet; such a property may only have its off value.
var deltaProperties = map[string]struct{ feature, off string }{
	"delta.appendonly":                                  {},
	"delta.autooptimize.autocompact":                    {},
	"delta.autooptimize.optimizewrite":                  {},
	"delta.checkpoint.writestatsasjson":                 {},
	"delta.checkpoint.writestatsasstruct":               {},
	"delta.checkpointinterval":                          {},
	"delta.checkpointpolicy":                            {"V2 checkpoints", "classic"},
	"delta.checkpointretentionduration":                 {},
	"delta.columnmapping.mode":                          {"column mapping", "none"},
	"delta.compatibility.symlinkformatmanifest.enabled": {"symlink manifests", "false"},
	"delta.dataskippingnumindexedcols":                  {},
	"delta.dataskippingstatscolumns":                    {},
	"delta.dataskippingstringprefixlength":              {},
	"delta.deletedfileretentionduration":                {},
	"delta.enablechangedatafeed":                        {"the change data feed", "false"},
	"delta.enabledeletionvectors":                       {"deletion vectors", "false"},
	"delta.enableexpiredlogcleanup":                     {},
	"delta.enableincommittimestamps":                    {"in-commit timestamps", "false"},
	"delta.enablerowtracking":                           {"row tracking", "false"},
	"delta.enabletypewidening":                          {"type widening", "false"},
	"delta.isolationlevel":                              {},
	"delta.logretentionduration":                        {},
	"delta.minreaderversion":                            {},
	"delta.minwriterversion":                            {},
	"delta.parquet.compression.codec":                   {},
	"delta.randomizefileprefixes":                       {},
	"delta.randomprefixlength":                          {},
	"delta.settransactionretentionduration":             {},
	"delta.targetfilesize":                              {},
	"delta.tunefilesizesforrewrites":                    {},
}

// tableProperties checks TBLPROPERTIES and returns what the table keeps.
func tableProperties(list []*sql.Property) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, p := range list {
		key := strings.ToLower(p.Key)
		switch {
		case strings.HasPrefix(key, "delta.feature."):
			return nil, unsupported("setting table features by property", p.Key)
		case strings.HasPrefix(key, "delta.constraints."):
			return nil, errclass.New("DELTA_ADD_CONSTRAINTS", "0A000", "The property %s cannot be set; constraints are added with ALTER TABLE ADD CONSTRAINT.", p.Key)
		case strings.HasPrefix(key, "delta.universalformat."):
			return nil, unsupported("UniForm", p.Key)
		case strings.HasPrefix(key, "delta."):
			known, ok := deltaProperties[key]
			if !ok {
				return nil, errclass.New("DELTA_UNKNOWN_CONFIGURATION", "F0000", "Unknown configuration was specified: %s. Properties of your own must not begin with \"delta.\".", p.Key)
			}
			if known.feature != "" && !strings.EqualFold(p.Value, known.off) {
				return nil, unsupported(known.feature, p.Key+" = "+p.Value)
			}
			if key == "delta.minreaderversion" || key == "delta.minwriterversion" {
				continue
			}
		}
		if _, twice := out[p.Key]; twice {
			return nil, errclass.New("DUPLICATE_KEY", "23505", "Found duplicate keys %s.", schema.QuoteIdent(p.Key))
		}
		out[p.Key] = p.Value
	}
	return out, nil
}

// checkCreate refuses clauses that need what freshet does not write yet.
func checkCreate(stmt *sql.CreateTable) error {
	switch {
	case stmt.Using != "" && !strings.EqualFold(stmt.Using, "delta"):
		return unsupported("tables of a format other than Delta", "USING "+stmt.Using)
	case len(stmt.ClusterBy) > 0 || stmt.ClusterByAuto:
		return unsupported("liquid clustering", "CLUSTER BY")
	case len(stmt.Constraints) > 0:
		return unsupported("table constraints", stmt.Constraints[0].String())
	case stmt.External && stmt.Location == "":
		return errclass.New("CREATE_EXTERNAL_TABLE_WITHOUT_LOCATION", "42601", "CREATE EXTERNAL TABLE must be accompanied by LOCATION.")
	case stmt.OrReplace && stmt.IfNotExists:
		return errclass.New("PARSE_SYNTAX_ERROR", "42601", "CREATE OR REPLACE TABLE and IF NOT EXISTS exclude each other.")
	}
	return nil
}

// unsupported refuses something by name.
func unsupported(what, where string) error {
	return errclass.New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "This version of freshet does not support %s (%s).", what, where)
}
