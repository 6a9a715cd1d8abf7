package csv

import (
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/option"
)

// options declares what the reader takes (semantics §5.1).
var options = option.Set{
	{
		Name: "sep", Aliases: []string{"delimiter"}, Kind: option.Text, Default: ",",
		Doc: `Separator between fields, one or more characters. \t, \r, \b, \f, \", \' and \\ stand for the characters they do in Java.`,
	},
	{
		Name: "header", Kind: option.Bool, Default: "false",
		Doc: "Whether each file starts with a line of column names. Columns are then found by name, whatever their order in a file.",
	},
	{
		Name: "inferSchema", Kind: option.Bool, Default: "false",
		Doc: "Whether to infer the types of columns. Auto Loader has cloudFiles.inferColumnTypes for it.",
	},
	{
		Name: "quote", Kind: option.Char, Default: `"`,
		Doc: "Character around values that hold separators. Empty turns quoting off.",
	},
	{
		Name: "escape", Kind: option.Char, Default: `\`,
		Doc: "Character that makes a quote inside a quoted value part of the value.",
	},
	{
		Name: "charToEscapeQuoteEscaping", Kind: option.Char,
		Doc: "Character that makes an escape character part of the value. The default is the escape character where that differs from the quote, else none.",
	},
	{
		Name: "comment", Kind: option.Char,
		Doc: "Lines that start with this character are skipped. Empty turns it off.",
	},
	{
		Name: "encoding", Aliases: []string{"charset"}, Kind: option.Text, Default: "UTF-8",
		Doc: "Character encoding of the files. A byte order mark of UTF-16 or UTF-32 overrules UTF-8.",
	},
	{
		Name: "lineSep", Kind: option.Text,
		Doc: `Separator between records, one or two characters. The default is \n, \r\n and \r.`,
	},
	{
		Name: "multiLine", Kind: option.Bool, Default: "false",
		Doc: "Whether quoted values may hold line breaks. Off, every line is a record.",
	},
	{
		Name: "mode", Kind: option.Enum, Default: "PERMISSIVE", Values: []string{permissive, dropMalformed, failFast},
		Doc: "What to do with a malformed record: keep what can be read, drop it, or fail.",
	},
	{Name: "nullValue", Kind: option.Text, Doc: "Text that means NULL, in columns of any type."},
	{Name: "emptyValue", Kind: option.Text, Doc: `What a quoted empty value ("") is read as. A result equal to nullValue is NULL.`},
	{Name: "nanValue", Kind: option.Text, Default: "NaN", Doc: "Text that means not-a-number in FLOAT and DOUBLE columns."},
	{Name: "positiveInf", Kind: option.Text, Default: "Inf", Doc: "Text that means infinity in FLOAT and DOUBLE columns."},
	{Name: "negativeInf", Kind: option.Text, Default: "-Inf", Doc: "Text that means negative infinity in FLOAT and DOUBLE columns."},
	{Name: "dateFormat", Kind: option.Text, Default: "yyyy-MM-dd", Doc: "Pattern of dates, as Java's DateTimeFormatter has it. Unless it is given, everything that casts to DATE is read as one, and inference takes yyyy-MM-dd alone."},
	{Name: "timestampFormat", Kind: option.Text, Doc: "Pattern of timestamps. Without it, everything that casts to TIMESTAMP is one, such as 2026-01-31T12:00:00.5Z."},
	{Name: "timestampNTZFormat", Kind: option.Text, Doc: "Pattern of timestamps without a time zone."},
	{Name: "timeZone", Kind: option.Text, Doc: "Time zone of timestamps that name none. The default is the session's."},
	{Name: "locale", Kind: option.Text, Default: "en-US", Doc: "Language of names of months and days."},
	{Name: "preferDate", Kind: option.Bool, Default: "true", Doc: "Whether inference tries DATE before TIMESTAMP."},
	{Name: "ignoreLeadingWhiteSpace", Kind: option.Bool, Default: "false", Doc: "Whether to drop blanks before a value."},
	{Name: "ignoreTrailingWhiteSpace", Kind: option.Bool, Default: "false", Doc: "Whether to drop blanks after a value without quotes."},
	{Name: "maxColumns", Kind: option.Int, Default: "20480", Doc: "Most fields a record may have."},
	{Name: "maxCharsPerColumn", Kind: option.Int, Default: "-1", Doc: "Most characters a value may have; -1 is no limit."},
	{Name: "mergeSchema", Kind: option.Bool, Default: "false", Doc: "Whether inference unifies the columns of all files."},
	{Name: "enforceSchema", Kind: option.Bool, Default: "true", Doc: "Accepted for Spark's sake. With a header, columns are always found by name, so that nothing lands in the wrong one."},
	{Name: "skipRows", Kind: option.Int, Default: "0", Doc: "Lines to skip at the start of each file, empty lines and comments included."},
	{Name: "readerCaseSensitive", Kind: option.Bool, Default: "true", Doc: "Whether a column whose name differs in case from the schema's is rescued. It matters only with a rescued data column."},
	{Name: "parserCaseSensitive", Kind: option.Bool, Default: "false", Doc: "Former name of readerCaseSensitive."},
	{Name: "rescuedDataColumn", Kind: option.Text, Doc: "Name of the column that receives what did not fit the schema."},
	{Name: "columnNameOfCorruptRecord", Kind: option.Text, Default: "_corrupt_record", Doc: "Name of the column that receives the text of malformed records, where the schema has it."},
	{Name: "badRecordsPath", Kind: option.Text, Doc: "Directory to which malformed records are written instead of being treated as mode says."},
	{
		Name: "unescapedQuoteHandling", Kind: option.Enum, Default: stopAtDelimiter,
		Values: []string{stopAtDelimiter, stopAtClosingQuote, backToDelimiter, skipValue, raiseError},
		Doc:    "What to make of a quote inside a quoted value that nothing escapes.",
	},
	{Name: "samplingRatio", Kind: option.Float, Default: "1.0", Doc: "Share of the records that inference looks at."},
	{Name: "failOnUnknownFields", Kind: option.Bool, Default: "false", Doc: "Whether a column that the schema lacks is an error."},
	{Name: "failOnWidenedFields", Kind: option.Bool, Default: "false", Doc: "Whether a value that fits only a wider type of its column is an error."},
	{
		Name: format.SingleVariantColumn, Kind: option.Text,
		Doc: "Name of the only column, which receives each record as a VARIANT object, with fields called as the header says, or _c0, _c1 and so on.",
	},
}

// Values of option mode.
const (
	permissive    = "PERMISSIVE"
	dropMalformed = "DROPMALFORMED"
	failFast      = "FAILFAST"
)

// Values of option unescapedQuoteHandling.
const (
	stopAtDelimiter    = "STOP_AT_DELIMITER"
	stopAtClosingQuote = "STOP_AT_CLOSING_QUOTE"
	backToDelimiter    = "BACK_TO_DELIMITER"
	skipValue          = "SKIP_VALUE"
	raiseError         = "RAISE_ERROR"
)

// dialect is the shape of the text.
type dialect struct {
	sep          []byte
	quote        symbol
	escape       symbol
	escapeEscape symbol
	comment      symbol
	lineSep      []byte // nil is \n, \r\n and \r
	multiLine    bool
	trimLeading  bool
	trimTrailing bool
	unescaped    string // option unescapedQuoteHandling
	nullValue    []byte
	hasNullValue bool // nullValue is not empty
	emptyValue   []byte
	header       bool
	skipRows     int64
	maxColumns   int
	maxChars     int
	charset      charset.Charset
	// special are the bytes that what has a meaning inside quotes starts with.
	special [256]bool
}

// symbol is one character with a meaning, in UTF-8; off when it is empty.
type symbol string

// at reports whether the symbol stands at data[i:].
func (s symbol) at(data []byte, i int) bool {
	return s != "" && i < len(data) && data[i] == s[0] &&
		(len(s) == 1 || len(data)-i >= len(s) && string(data[i:i+len(s)]) == string(s))
}

func newDialect(v option.Values) (*dialect, error) {
	d := &dialect{
		quote: char(v, "quote"), escape: char(v, "escape"), comment: char(v, "comment"),
		multiLine:   v.Bool("multiLine"),
		trimLeading: v.Bool("ignoreLeadingWhiteSpace"), trimTrailing: v.Bool("ignoreTrailingWhiteSpace"),
		unescaped: v.Enum("unescapedQuoteHandling"),
		nullValue: []byte(v.Text("nullValue")), emptyValue: []byte(v.Text("emptyValue")),
		header: v.Bool("header"), skipRows: v.Int("skipRows"),
		maxColumns: int(v.Int("maxColumns")), maxChars: int(v.Int("maxCharsPerColumn")),
	}
	d.hasNullValue = len(d.nullValue) > 0
	d.escapeEscape = char(v, "charToEscapeQuoteEscaping")
	if d.escapeEscape == "" && d.escape != d.quote {
		d.escapeEscape = d.escape
	}
	for _, s := range []symbol{d.quote, d.escape, d.escapeEscape, "\r"} {
		if s != "" {
			d.special[s[0]] = true
		}
	}
	var err error
	if d.sep, err = separator(v.Text("sep")); err != nil {
		return nil, err
	}
	if sep := v.Text("lineSep"); sep != "" {
		if len([]rune(sep)) > 2 {
			return nil, invalid("lineSep", sep, "one or two characters")
		}
		d.lineSep = []byte(sep)
	}
	d.charset, err = charset.Lookup(v.Text("encoding"))
	return d, option.Refuse("encoding", err)
}

func char(v option.Values, name string) symbol {
	if t := v.Text(name); t != "\x00" && t != `\u0000` {
		return symbol(t)
	}
	return ""
}

// separator reads option sep, whose backslashes are Java's (Spark's
// CSVExprUtils.toDelimiterStr).
func separator(text string) ([]byte, error) {
	var sep []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			sep = append(sep, text[i])
			continue
		}
		i++
		if strings.HasPrefix(text[i:], "u0000") {
			sep = append(sep, 0)
			i += len("0000")
			continue
		}
		at := -1
		if i < len(text) {
			at = strings.IndexByte(`trbf"'\`, text[i])
		}
		if at < 0 {
			return nil, invalid("sep", text, `free of backslashes other than in \t, \r, \b, \f, \", \' and \\`)
		}
		sep = append(sep, "\t\r\b\f\"'\\"[at])
	}
	if len(sep) == 0 {
		return nil, invalid("sep", text, "at least one character")
	}
	return sep, nil
}

func invalid(name, text, want string) error {
	return option.Refuse(name, errclass.New("INVALID_DELIMITER_VALUE", "42602", "option %s is %q; it must be %s", name, text, want))
}
