package json

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/internal/option"
)

// Names of the options.
const (
	optAnyEscape       = "allowBackslashEscapingAnyCharacter"
	optComments        = "allowComments"
	optNonNumeric      = "allowNonNumericNumbers"
	optLeadingZeros    = "allowNumericLeadingZeros"
	optSingleQuotes    = "allowSingleQuotes"
	optControlChars    = "allowUnquotedControlChars"
	optUnquotedNames   = "allowUnquotedFieldNames"
	optBadRecordsPath  = "badRecordsPath"
	optCorruptColumn   = "columnNameOfCorruptRecord"
	optDateFormat      = "dateFormat"
	optDropAllNull     = "dropFieldIfAllNull"
	optEncoding        = "encoding"
	optFailOnUnknown   = "failOnUnknownFields"
	optInferTimestamp  = "inferTimestamp"
	optLineSep         = "lineSep"
	optLocale          = "locale"
	optMode            = "mode"
	optMultiLine       = "multiLine"
	optNTZFormat       = "timestampNTZFormat"
	optPrefersDecimal  = "prefersDecimal"
	optAsString        = "primitivesAsString"
	optCaseSensitive   = "readerCaseSensitive"
	optRescued         = "rescuedDataColumn"
	optSamplingRatio   = "samplingRatio"
	optSingleVariant   = format.SingleVariantColumn
	optTimestampFormat = "timestampFormat"
	optTimeZone        = "timeZone"
)

// The parse modes (semantics §4.4).
const (
	modePermissive    = "PERMISSIVE"
	modeDropMalformed = "DROPMALFORMED"
	modeFailFast      = "FAILFAST"
)

// options is semantics §5.2.
var options = option.Set{
	{Name: optAnyEscape, Kind: option.Bool, Default: "false", Doc: "Accept a backslash before any character."},
	{Name: optComments, Kind: option.Bool, Default: "false", Doc: "Accept comments as in Java: /* */ and //."},
	{Name: optNonNumeric, Kind: option.Bool, Default: "true", Doc: "Accept NaN, Infinity, +Infinity, -Infinity, +INF and -INF as numbers, also as strings in DOUBLE and FLOAT columns."},
	{Name: optLeadingZeros, Kind: option.Bool, Default: "false", Doc: "Accept leading zeros of numbers, such as 007."},
	{Name: optSingleQuotes, Kind: option.Bool, Default: "true", Doc: "Accept strings and names between single quotes."},
	{Name: optControlChars, Kind: option.Bool, Default: "false", Doc: "Accept control characters in strings without escapes."},
	{Name: optUnquotedNames, Kind: option.Bool, Default: "false", Doc: "Accept field names without quotes."},
	{Name: optBadRecordsPath, Kind: option.Text, Doc: "Directory that receives malformed records, instead of what mode does with them."},
	{Name: optCorruptColumn, Kind: option.Text, Default: "_corrupt_record", Doc: "Name of the column that receives the text of malformed records, if the schema has it."},
	{Name: optDateFormat, Kind: option.Text, Doc: "Pattern of dates, such as dd/MM/yyyy. Without one, dates are read as casts read them: yyyy-[m]m-[d]d."},
	{Name: optDropAllNull, Kind: option.Bool, Default: "false", Doc: "Leave out of an inferred schema the fields that are always null or an empty array."},
	{Name: optEncoding, Aliases: []string{"charset"}, Kind: option.Text, Default: "UTF-8", Doc: "Encoding of the files."},
	{Name: optFailOnUnknown, Kind: option.Bool, Default: "false", Doc: "Fail on a field that the schema lacks."},
	{Name: optInferTimestamp, Kind: option.Bool, Default: "false", Doc: "Infer TIMESTAMP for strings that are timestamps."},
	{Name: optLineSep, Kind: option.Text, Doc: "What separates records. Without it, CR, LF and CRLF do."},
	{Name: optLocale, Kind: option.Text, Default: "en-US", Doc: "Language of dates, as a language tag."},
	{Name: optMode, Kind: option.Enum, Values: []string{modePermissive, modeDropMalformed, modeFailFast}, Default: modePermissive, Doc: "What to do with malformed records: read what can be read, leave them out, or fail."},
	{Name: optMultiLine, Kind: option.Bool, Default: "false", Doc: "Records may span lines: a file is one record, or an array of records."},
	{Name: optPrefersDecimal, Kind: option.Bool, Default: "false", Doc: "Infer DECIMAL instead of DOUBLE for numbers with a fraction, where it fits."},
	{Name: optAsString, Kind: option.Bool, Default: "false", Doc: "Infer STRING for all numbers and booleans."},
	{Name: optCaseSensitive, Kind: option.Bool, Default: "true", Doc: "With a rescued data column, rescue fields whose names differ in case from the schema's."},
	{Name: optRescued, Kind: option.Text, Doc: "Name of the column that receives what the schema cannot hold."},
	{Name: optSamplingRatio, Kind: option.Float, Default: "1.0", Doc: "Share of the records that the schema is inferred from, over 0 and up to 1."},
	{Name: optSingleVariant, Kind: option.Text, Doc: "Name of the only column, which receives each record as VARIANT."},
	{Name: optTimestampFormat, Kind: option.Text, Doc: "Pattern of timestamps, such as yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]. Without one, timestamps are read as casts read them."},
	{Name: optNTZFormat, Kind: option.Text, Doc: "Pattern of timestamps without a zone. Without one, they are read as casts read them."},
	{Name: optTimeZone, Kind: option.Text, Doc: "Zone of timestamps that name none, such as Europe/Berlin. Without it, the session's."},
}

// settings are the options in the form that reading and inference use.
type settings struct {
	layout         *layout
	charset        charset.Charset
	zone           *time.Location
	date           *value.Format // nil is as casts
	timestamp      *value.Format
	timestampNTZ   *value.Format
	mode           string
	corrupt        string
	single         string // the column that takes whole records, or ""
	failOnUnknown  bool
	asString       bool
	prefersDecimal bool
	inferTimestamp bool
	allNull        allNull
	sampling       float64
}

func newSettings(o option.Values, zone *time.Location) (*settings, error) {
	s := &settings{
		zone:           zone,
		mode:           o.Enum(optMode),
		corrupt:        o.Text(optCorruptColumn),
		single:         o.Text(optSingleVariant),
		failOnUnknown:  o.Bool(optFailOnUnknown),
		asString:       o.Bool(optAsString),
		prefersDecimal: o.Bool(optPrefersDecimal),
		inferTimestamp: o.Bool(optInferTimestamp),
		sampling:       o.Float(optSamplingRatio),
		layout: &layout{documents: o.Bool(optMultiLine), dialect: dialect{
			comments:      o.Bool(optComments),
			unquotedNames: o.Bool(optUnquotedNames),
			singleQuotes:  o.Bool(optSingleQuotes),
			leadingZeros:  o.Bool(optLeadingZeros),
			anyEscape:     o.Bool(optAnyEscape),
			controlChars:  o.Bool(optControlChars),
			nonNumeric:    o.Bool(optNonNumeric),
		}},
	}
	s.layout.blank = ' '
	if s.layout.comments {
		s.layout.blank = '/'
	}
	if o.Bool(optDropAllNull) {
		s.allNull = nullDropped
	}
	if sep := o.Text(optLineSep); sep != "" {
		s.layout.separator = []byte(sep)
	}
	if s.sampling <= 0 || s.sampling > 1 {
		return nil, option.Refuse(optSamplingRatio, errclass.New("INVALID_OPTION_VALUE", "42K06", "option %s is %q; it must be over 0 and up to 1", optSamplingRatio, o.Text(optSamplingRatio)))
	}
	var err error
	if s.charset, err = charset.Lookup(o.Text(optEncoding)); err != nil {
		return nil, option.Refuse(optEncoding, err)
	}
	if name := o.Text(optTimeZone); name != "" {
		var ok bool
		if s.zone, ok = value.LoadZone(name); !ok {
			return nil, option.Refuse(optTimeZone, errclass.New("INVALID_OPTION_VALUE", "42K06", "option %s is %q; it must be a zone such as Europe/Berlin or +02:00", optTimeZone, name))
		}
	}
	for _, f := range []struct {
		option string
		format **value.Format
	}{{optDateFormat, &s.date}, {optTimestampFormat, &s.timestamp}, {optNTZFormat, &s.timestampNTZ}} {
		pattern := o.Text(f.option)
		if pattern == "" {
			continue
		}
		if *f.format, err = value.CompileFormat(pattern, o.Text(optLocale)); err != nil {
			return nil, option.Refuse(f.option, fmt.Errorf("option %s: %w", f.option, err))
		}
	}
	return s, nil
}
