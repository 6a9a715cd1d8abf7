package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// mergeStatement is what freshet runs; peers.py has the same for the others.
const mergeStatement = "MERGE INTO delta.`%s` t USING delta.`%s` s ON t.id = s.id " +
	"WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"

// keyStep is a prime.
const keyStep = 7_368_787

// merge merges two sources into copies of one table: many rows, half of which
// are new, and few rows of random keys. Spark and freshet do it by deletion
// vectors; delta-rs, which has none, and freshet once more, by rewriting files.
func merge(ctx context.Context, s settings, out io.Writer) error {
	root := filepath.Join(s.dir, fmt.Sprintf("merge-%d-%d-%d", s.target, s.upserts, s.keys))
	if err := s.mergeTables(ctx, root); err != nil {
		return err
	}
	for _, source := range []string{"upserts", "keys"} {
		source := filepath.Join(root, source)
		jobs := []job{s.merging("freshet", root, "vectors", source), s.merging("freshet, rewriting", root, "plain", source)}
		for _, peer := range []struct{ name, target string }{{"spark", "vectors"}, {"delta-rs", "plain"}} {
			if slices.Contains(s.peers, peer.name) {
				j := s.peer(peer.name, "merge", source)
				j.prepare = copyTarget(filepath.Join(root, peer.target))
				jobs = append(jobs, j)
			}
		}
		fmt.Fprintf(out, "-- %s --\n", filepath.Base(source))
		if _, err := compare(ctx, s, out, jobs); err != nil {
			return err
		}
	}
	return nil
}

// merging is freshet's job of merging source into a copy of a table.
func (s settings) merging(name, root, target, source string) job {
	return job{
		name:    name,
		prepare: copyTarget(filepath.Join(root, target)),
		command: func(out string) []string {
			sql := fmt.Sprintf(mergeStatement, filepath.Join(out, "target"), source)
			return []string{s.program, "sql", "--quiet", "--workspace", filepath.Join(out, "workspace"), "-e", sql}
		},
	}
}

func copyTarget(table string) func(out string) error {
	return func(out string) error { return os.CopyFS(filepath.Join(out, "target"), os.DirFS(table)) }
}

// mergeTables makes the target, with and without deletion vectors, and the
// sources, unless they are there.
func (s settings) mergeTables(ctx context.Context, root string) error {
	if _, err := os.Stat(filepath.Join(root, "done")); err == nil {
		return nil
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	const columns = "id %% 1000 AS sensor, CAST(id AS DOUBLE) / 7 AS reading, concat('name-', CAST(id %% 5000 AS STRING)) AS name"
	for _, table := range []struct{ name, properties, rows string }{
		{"vectors", "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')", fmt.Sprintf("SELECT id FROM range(0, %d)", s.target)},
		{"plain", "", fmt.Sprintf("SELECT id FROM range(0, %d)", s.target)},
		// A prime step visits keys all over the table, each once. No file of
		// the table is without a matched row.
		{"upserts", "", fmt.Sprintf("SELECT id * %d %% %d AS id FROM range(0, %d)", keyStep, 2*s.target, s.upserts)},
		{"keys", "", fmt.Sprintf("SELECT id * %d %% %d AS id FROM range(0, %d)", keyStep, s.target, s.keys)},
	} {
		sql := fmt.Sprintf("CREATE TABLE delta.`%s` %s AS SELECT id, "+columns+" FROM (%s)",
			filepath.Join(root, table.name), table.properties, table.rows)
		if _, err := s.once(ctx, s.freshet(table.name, sql)); err != nil {
			return fmt.Errorf("make table %s: %w", table.name, err)
		}
	}
	return os.WriteFile(filepath.Join(root, "done"), nil, 0o600)
}
