package datafile

import (
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/s2"
)

// fastSnappy is Snappy compressed at full speed. The Parquet library asks its
// own codec for the smallest output, which takes twice the time that encoding
// does; the format is the same, and so is its reading.
type fastSnappy struct{ compress.Codec }

// init replaces the library's Snappy, which it offers no option for: its table
// of codecs is one for the process and may only be changed before use.
func init() {
	if library, err := compress.GetCodec(compress.Codecs.Snappy); err == nil {
		compress.RegisterCodec(compress.Codecs.Snappy, fastSnappy{library})
	}
}

func (fastSnappy) Encode(dst, src []byte) []byte { return s2.EncodeSnappy(dst, src) }

func (fastSnappy) EncodeLevel(dst, src []byte, _ int) []byte { return s2.EncodeSnappy(dst, src) }
