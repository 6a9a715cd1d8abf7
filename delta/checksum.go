package delta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
)

// maxChecksumBytes bounds what is read of a version's checksum: some writers
// put all files into it.
const maxChecksumBytes = 64 << 20

// maxChecksumList bounds the lists that we put into a checksum.
const maxChecksumList = 1000

// checksum is the content of a version's .crc file: a few facts about its
// state, by which readers notice that theirs is not the writer's (protocol:
// Version Checksum File).
type checksum struct {
	TxnID             string           `json:"txnId,omitempty"`
	TableSizeBytes    *int64           `json:"tableSizeBytes"`
	NumFiles          *int64           `json:"numFiles"`
	NumMetadata       int64            `json:"numMetadata"`
	NumProtocol       int64            `json:"numProtocol"`
	InCommitTimestamp *int64           `json:"inCommitTimestampOpt,omitempty"`
	SetTransactions   []SetTransaction `json:"setTransactions,omitzero"`
	DomainMetadata    []DomainMetadata `json:"domainMetadata,omitzero"`
	Metadata          *metadataJSON    `json:"metadata"`
	Protocol          *Protocol        `json:"protocol"`
}

// decodeChecksum reads a .crc file.
func decodeChecksum(text []byte) (*checksum, error) {
	c := new(checksum)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("read checksum: %w", err)
	}
	if c.TableSizeBytes == nil || c.NumFiles == nil || c.Protocol == nil || c.Metadata == nil {
		return nil, errors.New("read checksum: a required field is missing")
	}
	return c, nil
}

// checksum returns the facts about s. They are of the whole state, never
// worked out from another checksum that might be wrong.
func (s *Snapshot) checksum() checksum {
	size, files, metadata := s.SizeInBytes(), s.NumFiles(), *s.metaData
	metadata.fillEmpty()
	protocol := s.protocol
	protocol.ReaderFeatures = featureList(protocol.ReaderFeatures, protocol.MinReader >= featuresReader)
	protocol.WriterFeatures = featureList(protocol.WriterFeatures, protocol.MinWriter >= featuresWriter)
	c := checksum{
		TableSizeBytes: &size, NumFiles: &files, NumMetadata: 1, NumProtocol: 1, Metadata: &metadata, Protocol: &protocol,
	}
	if s.info != nil {
		c.TxnID = s.info.TxnID
		if inCommitTimestamps(&s.metadata) {
			c.InCommitTimestamp = s.info.InCommitTimestamp
		}
	}
	if len(s.txns) <= maxChecksumList {
		c.SetTransactions = sortedTransactions(s.txns)
	}
	if len(s.domains) <= maxChecksumList {
		c.DomainMetadata = sortedDomains(s.domains)
	}
	return c
}

// writeChecksum writes the .crc file of the version, unless there is one.
func (s *Snapshot) writeChecksum(ctx context.Context) error {
	text, err := marshalPlain(s.checksum())
	if err != nil {
		return err
	}
	if err := s.table.storage.PutIfAbsent(ctx, checksumKey(s.Version()), append(text, '\n')); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// compareChecksum warns when the writer of the version saw another state. It
// is no error: the log decides, and checksums are optional (protocol: Version
// Checksum File).
func (s *Snapshot) compareChecksum(ctx context.Context) {
	text, err := readObject(ctx, s.table.storage, checksumKey(s.Version()), maxChecksumBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var written *checksum
	if err == nil {
		written, err = decodeChecksum(text)
	}
	if err == nil && (*written.NumFiles != s.NumFiles() || *written.TableSizeBytes != s.SizeInBytes()) {
		err = fmt.Errorf("it counts %d files of %d bytes, the log %d files of %d bytes",
			*written.NumFiles, *written.TableSizeBytes, s.NumFiles(), s.SizeInBytes())
	}
	if err != nil {
		s.table.opts.Logger.WarnContext(ctx, "checksum does not fit", slog.Int64("version", s.Version()), slog.Any("error", err))
	}
}

func sortedTransactions(txns map[string]SetTransaction) []SetTransaction {
	sorted := make([]SetTransaction, 0, len(txns))
	for _, txn := range txns {
		sorted = append(sorted, txn)
	}
	slices.SortFunc(sorted, func(a, b SetTransaction) int { return cmp.Compare(a.AppID, b.AppID) })
	return sorted
}
