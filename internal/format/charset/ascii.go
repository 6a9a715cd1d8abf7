package charset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// ascii is US-ASCII: bytes over 0x7f become U+FFFD.
type ascii struct{}

func (ascii) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: asciiDecoder{}}
}

func (ascii) NewEncoder() *encoding.Encoder { return encoding.Replacement.NewEncoder() }

type asciiDecoder struct{ transform.NopResetter }

func (asciiDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	const replacement = "\uFFFD"
	for _, c := range src {
		if c < 0x80 {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = c
			nDst++
		} else {
			if nDst+len(replacement) > len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			nDst += copy(dst[nDst:], replacement)
		}
		nSrc++
	}
	return nDst, nSrc, nil
}
