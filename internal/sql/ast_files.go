package sql

// EditFiles is ALTER STREAMING TABLE name {RETRY | FORGET | REPLAY} FILES,
// which is ours: what a flow knows of single files is changed.
type EditFiles struct {
	Range
	Table   *Name
	Action  string   // "RETRY", "FORGET" or "REPLAY"
	Files   []string // their names; none with a pattern
	Pattern string   // a glob, as COPY INTO's PATTERN
	Append  bool     // of REPLAY: keep the rows there are
}

// RepairRescued is REPAIR TABLE name RESCUED DATA, which is ours: values of the
// rescued data column go to the columns that can hold them by now.
type RepairRescued struct {
	Range
	Table   *Name
	Columns []*Column   // nil is all
	Options []*Property // of the reader of the rows
	DryRun  bool
}
