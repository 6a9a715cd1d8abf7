package dv_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta/internal/dv"
)

func TestVectorRoundTrip(t *testing.T) {
	tests := []struct {
		name string
		rows []int64
	}{
		{"empty", nil},
		{"one", []int64{0}},
		{"spread", []int64{0, 1, 65535, 65536, 1 << 31, 1 << 32, 1<<40 + 7}},
		{"run", slices.Collect(func(yield func(int64) bool) {
			for i := range int64(100_000) {
				if !yield(i) {
					return
				}
			}
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := dv.New(slices.Values(tt.rows)).Encode()
			if err != nil {
				t.Fatal(err)
			}
			v, err := dv.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(v.Rows()); !slices.Equal(got, tt.rows) {
				t.Errorf("rows = %d values, want %d", len(got), len(tt.rows))
			}
			if got := v.Cardinality(); got != int64(len(tt.rows)) {
				t.Errorf("cardinality = %d, want %d", got, len(tt.rows))
			}
			inline, err := dv.DecodeInline(dv.EncodeInline(data), int64(len(data)))
			if err != nil || !bytes.Equal(inline, data) {
				t.Errorf("inline form does not come back: %v", err)
			}
		})
	}
}

func TestVectorAppendKept(t *testing.T) {
	v := dv.New(slices.Values([]int64{0, 3, 4, 10, 19, 25}))
	tests := []struct {
		first int64
		n     int
		want  []int32
	}{
		{0, 5, []int32{1, 2}},
		{3, 2, nil},
		{5, 5, []int32{0, 1, 2, 3, 4}},
		{9, 3, []int32{0, 2}},
		{24, 4, []int32{0, 2, 3}},
	}
	for _, tt := range tests {
		if got := v.AppendKept(nil, tt.first, tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("AppendKept(%d, %d) = %v, want %v", tt.first, tt.n, got, tt.want)
		}
	}
	var none *dv.Vector
	if got := none.AppendKept(nil, 7, 2); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("nil vector kept %v, want all", got)
	}
}

func TestDecodeNativeFormat(t *testing.T) {
	data := binary.LittleEndian.AppendUint32(nil, 1681511376)
	buckets := [][]uint32{{3, 4, 7}, nil, {1}}
	data = binary.LittleEndian.AppendUint32(data, uint32(len(buckets)))
	for _, rows := range buckets {
		bits, err := roaring.BitmapOf(rows...).ToBytes()
		if err != nil {
			t.Fatal(err)
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(len(bits)))
		data = append(data, bits...)
	}
	v, err := dv.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{3, 4, 7, 2<<32 + 1}
	if got := slices.Collect(v.Rows()); !slices.Equal(got, want) {
		t.Errorf("rows = %v, want %v", got, want)
	}
}

// TestDecodeRefusesPositionsBeyond63Bits: a position that is no int64 would
// be a negative row to whoever walks the set.
func TestDecodeRefusesPositionsBeyond63Bits(t *testing.T) {
	for _, tt := range []struct {
		position uint64
		wantErr  bool
	}{
		{math.MaxInt64, false},
		{math.MaxInt64 + 1, true},
		{0xe2ff0002_007f0000, true},
	} {
		data := binary.LittleEndian.AppendUint32(nil, 1681511377)
		bits, err := roaring64.BitmapOf(3, tt.position).ToBytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dv.Decode(append(data, bits...)); (err != nil) != tt.wantErr {
			t.Errorf("position %d: %v, want an error %t", tt.position, err, tt.wantErr)
		}
	}
}

func TestFileHoldsSeveralVectors(t *testing.T) {
	first, _ := dv.New(slices.Values([]int64{1})).Encode()
	second, _ := dv.New(slices.Values([]int64{2, 9})).Encode()
	file, offsets := dv.AppendFile(nil, first)
	file, more := dv.AppendFile(file, second)
	if offsets[0] != 1 {
		t.Errorf("first vector at %d, want 1", offsets[0])
	}
	r := bytes.NewReader(file)
	v, err := dv.ReadAt(r, r.Size(), int64(more[0]), int64(len(second)))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(v.Rows()); !slices.Equal(got, []int64{2, 9}) {
		t.Errorf("second vector = %v, want [2 9]", got)
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x40
		_, err1 := dv.ReadAt(bytes.NewReader(bad), r.Size(), int64(offsets[0]), int64(len(first)))
		_, err2 := dv.ReadAt(bytes.NewReader(bad), r.Size(), int64(more[0]), int64(len(second)))
		if i > 0 && err1 == nil && err2 == nil {
			t.Errorf("a flipped bit of byte %d goes unnoticed", i)
		}
	}
	if _, err := dv.ReadAt(r, r.Size(), 1, 1<<40); err == nil {
		t.Error("a size beyond the file is accepted")
	}
}

func TestFileKey(t *testing.T) {
	id := uuid.MustParse("d2c639aa-8816-431a-aaf6-d3fe2512ff61")
	tests := []struct{ name, want string }{
		{"vBn[lx{q8@P<9BNH/isA", "deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin"},
		{"ab^-aqEH.-t@S}K{vb[*k^", "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"},
		{dv.FileName(id), "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"},
	}
	for _, tt := range tests {
		got, err := dv.FileKey(tt.name)
		if err != nil || got != tt.want {
			t.Errorf("FileKey(%q) = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "short", `ab^-aqEH.-t@S}K{vb[*"^`, "$$$$$$$$$$$$$$$$$$$$"} {
		if got, err := dv.FileKey(bad); err == nil {
			t.Errorf("FileKey(%q) = %q, want an error", bad, got)
		}
	}
}

func FuzzDeletionVector(f *testing.F) {
	seed, _ := dv.New(slices.Values([]int64{3, 4, 7, 1 << 33})).Encode()
	f.Add(seed)
	native := binary.LittleEndian.AppendUint32(nil, 1681511376)
	f.Add(binary.LittleEndian.AppendUint32(native, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := dv.Decode(data)
		if err != nil {
			return
		}
		again, err := v.Encode()
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		w, err := dv.Decode(again)
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		if v.Cardinality() != w.Cardinality() {
			t.Fatalf("cardinality %d became %d", v.Cardinality(), w.Cardinality())
		}
		v.AppendKept(nil, 0, 100)
	})
}

// TestDecodeInline reads text of other writers. The last group may be short;
// what no writer makes is refused.
func TestDecodeInline(t *testing.T) {
	tests := []struct {
		text string
		size int64
		want []byte // nil for an error
	}{
		{"HelloWorld", 8, []byte{0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b}},
		{"HelloWorld", 6, []byte{0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59}},
		{"Hello##093", 6, []byte{0x86, 0x4f, 0xd2, 0x6f, 3, 0}},
		{"###30", 1, []byte{255}},
		{"", 0, []byte{}},
		{"Hello##093", 7, nil}, // not that many
		{"##093Hello", 8, nil}, // a short group before the last
		{"###31", 1, nil},      // 256
		{"####1", 1, nil},
		{"%nSc1", 4, nil}, // 1 << 32
		{"Hell", 3, nil},
		{"Hel~o", 4, nil},
		{"Hello", 5, nil},
		{"Hello", -1, nil},
	}
	for _, tt := range tests {
		got, err := dv.DecodeInline(tt.text, tt.size)
		if !bytes.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("DecodeInline(%q, %d) = %v, %v; want %v", tt.text, tt.size, got, err, tt.want)
		}
	}
}
