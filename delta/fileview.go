package delta

// rowView is a cursor over the rows of a block.
type rowView struct {
	seg          *segment
	block        *block
	row          int
	paths, stats string

	part       uint32 // whose decoded form values is
	values     map[string]*string
	haveValues bool
}

func (v *rowView) open(b *block) (err error) {
	v.block = b
	v.paths, v.stats, err = b.text()
	return err
}

func (v *rowView) tombstone() bool { return v.block.flags[v.row]&flagTombstone != 0 }
func (v *rowView) path() string    { return cut(v.paths, v.block.pathEnd, v.row) }

func cut(text string, ends []uint32, row int) string {
	start := uint32(0)
	if row > 0 {
		start = ends[row-1]
	}
	return text[start:ends[row]]
}

// partition returns the row's values, decoded once for a run of equal ones.
func (v *rowView) partition() map[string]*string {
	if part := v.block.part[v.row]; !v.haveValues || part != v.part {
		v.part, v.haveValues = part, true
		v.values = decodePartition(v.seg.parts[part])
	}
	return v.values
}

func (v *rowView) add() AddFile {
	b, row := v.block, v.row
	f := AddFile{
		Path:             v.path(),
		PartitionValues:  v.partition(),
		Size:             b.size[row],
		ModificationTime: b.time[row],
		DataChange:       b.flags[row]&flagDataChange != 0,
		Stats:            cut(v.stats, b.statsEnd, row),
	}
	if rare := b.rare[uint16(row)]; rare != nil {
		f.DeletionVector, f.Tags = rare.dv, rare.tags
		f.BaseRowID, f.DefaultRowCommitVersion = rare.baseRowID, rare.defaultRowCommitVersion
		f.ClusteringProvider = rare.clusteringProvider
	}
	return f
}

func (v *rowView) remove() RemoveFile {
	b, row := v.block, v.row
	f := RemoveFile{
		Path:                 v.path(),
		DeletionTimestamp:    b.time[row],
		DataChange:           b.flags[row]&flagDataChange != 0,
		ExtendedFileMetadata: b.flags[row]&flagExtended != 0,
	}
	if b.flags[row]&flagNoSize == 0 {
		size := b.size[row]
		f.Size = &size
	}
	if b.flags[row]&flagNoParts == 0 {
		f.PartitionValues = v.partition()
	}
	if rare := b.rare[uint16(row)]; rare != nil {
		f.DeletionVector = rare.dv
		f.BaseRowID, f.DefaultRowCommitVersion = rare.baseRowID, rare.defaultRowCommitVersion
	}
	return f
}
