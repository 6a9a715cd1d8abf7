package value_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/format/value"
)

func zone(tb testing.TB, name string) *value.Zone {
	tb.Helper()
	loc, ok := value.LoadZone(name)
	if !ok {
		tb.Fatalf("no zone %q", name)
	}
	return value.NewZone(loc)
}

const layout = "2006-01-02 15:04:05.999999"

func micros(us int64) string { return time.UnixMicro(us).UTC().Format(layout) }

func TestCastTimestamp(t *testing.T) {
	for _, c := range []struct{ text, zone, want string }{
		{"2024-01-02 03:04:05", "UTC", "2024-01-02 03:04:05"},
		{"2024-01-02T03:04:05", "UTC", "2024-01-02 03:04:05"},
		{"2024-01-02T03:04:05Z", "Europe/Berlin", "2024-01-02 03:04:05"},
		{"2024-01-02T03:04:05", "Europe/Berlin", "2024-01-02 02:04:05"},
		{"2024-07-02T03:04:05", "Europe/Berlin", "2024-07-02 01:04:05"},
		{"2024-01-02 03:04:05.5", "UTC", "2024-01-02 03:04:05.5"},
		{"2024-01-02 03:04:05.123456789", "UTC", "2024-01-02 03:04:05.123456"},
		{"2024-01-02 03:04:05.", "UTC", "2024-01-02 03:04:05"},
		{"2024-01-02 03:04:05.1+02:30", "UTC", "2024-01-02 00:34:05.1"},
		{"2024-01-02 03:04:05-8", "UTC", "2024-01-02 11:04:05"},
		{"2024-01-02 03:04:05 America/New_York", "UTC", "2024-01-02 08:04:05"},
		{"2024-01-02 03:04:05 UTC+3", "UTC", "2024-01-02 00:04:05"},
		{"2024-01-02 03:04:05 PST", "UTC", "2024-01-02 11:04:05"},
		{"2024-1-2 3:4:5", "UTC", "2024-01-02 03:04:05"},
		{"2024-01-02 03:04", "UTC", "2024-01-02 03:04:00"},
		{"2024-01-02 03", "UTC", "2024-01-02 03:00:00"},
		{"2024-01-02", "UTC", "2024-01-02 00:00:00"},
		{"2024-01", "UTC", "2024-01-01 00:00:00"},
		{"2024", "UTC", "2024-01-01 00:00:00"},
		{" 2024-01-02 03:04:05 ", "UTC", "2024-01-02 03:04:05"},
		{"0001-01-01 00:00:00", "UTC", "0001-01-01 00:00:00"},
		{"9999-12-31 23:59:59.999999", "UTC", "9999-12-31 23:59:59.999999"},
		{"2024-03-31 02:30:00", "Europe/Berlin", "2024-03-31 01:30:00"}, // skipped: moved forward
		{"2024-10-27 02:30:00", "Europe/Berlin", "2024-10-27 00:30:00"}, // twice: the earlier
		{"2024-03-10 02:30:00", "America/Los_Angeles", "2024-03-10 10:30:00"},
		{"2024-11-03 01:30:00", "America/Los_Angeles", "2024-11-03 08:30:00"},
		{"1800-01-01 00:00:00", "Europe/Berlin", "1799-12-31 23:06:32"},
	} {
		got, ok := value.CastTimestamp([]byte(c.text), zone(t, c.zone))
		if !ok || micros(got) != c.want {
			t.Errorf("CastTimestamp(%q, %s) = %s, %t; want %s", c.text, c.zone, micros(got), ok, c.want)
		}
	}
	for _, text := range []string{
		"", " ", "2024-", "202-01-01", "2024-13-01", "2024-02-30", "2024-01-02T", "2024-01-02 ", "2024-01-02 24:00:00",
		"2024-01-02 03:60:00", "2024-01-02 03:04:60", "2024-01-02 03:04:05 Nowhere/Land", "2024-01-02 03:04:055",
		"2024-01-02 3:4:5:6", "2024-01-02X03:04:05", "2024-01-02 03:04Z", "03:04:05", "T03:04:05", "999999-01-01 00:00:00",
		"2024-01-02 03:04:05+19:00", "2024-01-02 03:04:05 ../etc/passwd", "2024/01/02", "1704067200", "2024-001-02",
	} {
		if text == "2024-01-02 " {
			continue // blanks around are no part of the value
		}
		if got, ok := value.CastTimestamp([]byte(text), zone(t, "UTC")); ok {
			t.Errorf("CastTimestamp(%q) = %s; want not ok", text, micros(got))
		}
	}
}

func TestCastTimestampNTZ(t *testing.T) {
	got, ok := value.CastTimestampNTZ([]byte("2024-01-02T03:04:05.25"), false)
	if !ok || micros(got) != "2024-01-02 03:04:05.25" {
		t.Errorf("got %s, %t", micros(got), ok)
	}
	if _, ok := value.CastTimestampNTZ([]byte("2024-01-02T03:04:05Z"), false); ok {
		t.Error("a zone is accepted")
	}
	if got, ok := value.CastTimestampNTZ([]byte("2024-01-02T03:04:05+01:00"), true); !ok || micros(got) != "2024-01-02 03:04:05" {
		t.Errorf("with allowZone: %s, %t", micros(got), ok)
	}
}

func TestCastDate(t *testing.T) {
	for text, want := range map[string]string{
		"2024-02-29": "2024-02-29", "2024-2-9": "2024-02-09", "2024-02": "2024-02-01", "2024": "2024-01-01",
		"2024-02-29 10:00": "2024-02-29", "2024-02-29Tx": "2024-02-29", " 2024-02-29 ": "2024-02-29",
		"1969-12-31": "1969-12-31", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31", "1582-10-10": "1582-10-10",
		"+2024-01-01": "2024-01-01",
	} {
		got, ok := value.CastDate([]byte(text))
		if day := time.Unix(int64(got)*86400, 0).UTC().Format(time.DateOnly); !ok || day != want {
			t.Errorf("CastDate(%q) = %s, %t; want %s", text, day, ok, want)
		}
	}
	for _, text := range []string{"", "2023-02-29", "2024-00-01", "2024-01-32", "24-01-01", "2024-02T", "2024-01-01x", "20240101x", "01/02/2024", "2024--1"} {
		if got, ok := value.CastDate([]byte(text)); ok {
			t.Errorf("CastDate(%q) = %d; want not ok", text, got)
		}
	}
}

func TestFormatTimestamp(t *testing.T) {
	const iso = "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"
	for _, c := range []struct{ pattern, text, want string }{
		{iso, "2024-01-02T03:04:05", "2024-01-02 03:04:05"},
		{iso, "2024-01-02T03:04:05.678", "2024-01-02 03:04:05.678"},
		{iso, "2024-01-02T03:04:05.6", "2024-01-02 03:04:05.6"},
		{iso, "2024-01-02T03:04:05.678Z", "2024-01-02 03:04:05.678"},
		{iso, "2024-01-02t03:04:05+01:00", "2024-01-02 02:04:05"},
		{iso, "2024-01-02T03:04:05.6789", ""},
		{iso, "2024-01-02 03:04:05", ""},
		{iso, "2024-01-02T03:04:05+0100", ""},
		{iso, "2024-02-30T03:04:05", ""},
		{iso, "2024-1-2T03:04:05", ""},
		{iso, "+12024-01-02T03:04:05", "12024-01-02 03:04:05"},
		{iso, "12024-01-02T03:04:05", ""},
		{"yyyy-MM-dd HH:mm:ss.SSSSSS", "2024-01-02 03:04:05.000001", "2024-01-02 03:04:05.000001"},
		{"dd/MM/yyyy HH:mm", "02/01/2024 03:04", "2024-01-02 03:04:00"},
		{"d/M/yy h:mm a", "2/1/24 3:04 PM", "2024-01-02 15:04:00"},
		{"d/M/yy h:mm a", "2/1/24 12:04 am", "2024-01-02 00:04:00"},
		{"d/M/yy h:mm a", "2/1/24 13:04 am", ""},
		{"EEE, dd MMM yyyy HH:mm:ss Z", "Tue, 02 Jan 2024 03:04:05 +0130", "2024-01-02 01:34:05"},
		{"EEE, dd MMM yyyy HH:mm:ss Z", "Mon, 02 Jan 2024 03:04:05 +0130", ""},
		{"EEEE d MMMM yyyy", "tuesday 2 JANUARY 2024", "2024-01-02 00:00:00"},
		{"yyyyMMdd", "20240102", "2024-01-02 00:00:00"},
		{"yyyyMMddHHmmss", "20240102030405", "2024-01-02 03:04:05"},
		{"yyyyMMddHHmmss", "2024010203040", ""},
		{"yyyy-DDD", "2024-060", "2024-02-29 00:00:00"},
		{"yyyy-D", "2023-366", ""},
		{"HH:mm", "03:04", "1970-01-01 03:04:00"},
		{"yyyy-MM-dd HH:mm:ss VV", "2024-01-02 03:04:05 Europe/Berlin", "2024-01-02 02:04:05"},
		{"yyyy-MM-dd HH:mm:ss z", "2024-01-02 03:04:05 UTC", "2024-01-02 03:04:05"},
		{"yyyy-MM-dd HH:mm:ss O", "2024-01-02 03:04:05 GMT+1", "2024-01-02 02:04:05"},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-01-02T03:04:05+01", "2024-01-02 02:04:05"},
		{"yyyy-MM-dd'T'HH:mm:ssX", "2024-01-02T03:04:05+0130", "2024-01-02 01:34:05"},
		{"yyyy-MM-dd'T'HH:mm:ssxxx", "2024-01-02T03:04:05Z", ""},
		{"yyyy''MM 'o''clock'", "2024'03 o'clock", "2024-03-01 00:00:00"},
		{"GGG yyyy", "AD 2024", "2024-01-01 00:00:00"},
		{"yyyy[-MM[-dd]]", "2024-03", "2024-03-01 00:00:00"},
		{"yyyy-MM-dd kk:mm", "2024-01-02 24:10", "2024-01-02 00:10:00"},
		{"yyyy-QQQ", "2024-Q3", "2024-01-01 00:00:00"},
	} {
		f, err := value.CompileFormat(c.pattern, "en-US")
		if err != nil {
			t.Fatalf("CompileFormat(%q): %v", c.pattern, err)
		}
		got, ok := f.Timestamp([]byte(c.text), zone(t, "UTC"))
		if ok != (c.want != "") || ok && micros(got) != c.want {
			t.Errorf("%q of %q = %s, %t; want %q", c.pattern, c.text, micros(got), ok, c.want)
		}
	}
}

func TestFormatNTZRefusesZones(t *testing.T) {
	f, err := value.CompileFormat("yyyy-MM-dd HH:mm[XXX]", "US")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := f.TimestampNTZ([]byte("2024-01-02 03:04")); !ok || micros(got) != "2024-01-02 03:04:00" {
		t.Errorf("got %s, %t", micros(got), ok)
	}
	if _, ok := f.TimestampNTZ([]byte("2024-01-02 03:04Z")); ok {
		t.Error("a zone is accepted")
	}
}

func TestCompileFormatErrors(t *testing.T) {
	for _, pattern := range []string{"yyyy-MM-dd[", "]", "'open", "YYYY", "ww", "e", "MMMMM", "ddd", "SSSSSSSSSS", "{", "#", "V", "yyyyyyy", "hhh"} {
		if _, err := value.CompileFormat(pattern, "US"); err == nil {
			t.Errorf("CompileFormat(%q) has no error", pattern)
		}
	}
	if _, err := value.CompileFormat("dd MMM yyyy", "de-DE"); err == nil {
		t.Error("month names in German have no error")
	}
	if _, err := value.CompileFormat("dd.MM.yyyy", "de-DE"); err != nil {
		t.Errorf("digits in German: %v", err)
	}
}

func TestNoAllocations(t *testing.T) {
	z := zone(t, "America/New_York")
	f, err := value.CompileFormat("yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "US")
	if err != nil {
		t.Fatal(err)
	}
	plain, zoned, number := []byte("2024-01-02T03:04:05.678"), []byte("2024-01-02 03:04:05 Europe/Berlin"), []byte("0.12345678901234567")
	if n := testing.AllocsPerRun(100, func() {
		value.CastTimestamp(plain, z)
		value.CastTimestamp(zoned, z)
		value.CastDate(plain)
		f.Timestamp(plain, z)
		value.ParseFloat64(number)
		value.ParseDecimal(number, 20, 10)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCastTimestamp(f *testing.F) {
	f.Add("2024-01-02 03:04:05", int64(1704164645123456))
	f.Add("2024-01-02T03:04:05.678+01:00", int64(-62135596800000000))
	for _, text := range []string{
		"2024-02-30 03:04:05Z", "2024-01-02T24:00:00", "2024-01-02T23:60:00Z", "2024-01-02 03:04:60", "2024-01-02T03:04:05.Z",
		"2024-01-02T03:04:05.1234567", "2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05.12ZZ", "2024-01-02T03:04:05+01:00",
		"2024-01-02x03:04:05Z", "2024-01-02T03-04:05Z", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00T03:04:05Z", "2024-01-02T0a:04:05Z", "9999-12-31T23:59:59.999999Z",
	} {
		f.Add(text, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, us int64) {
		z := value.NewZone(time.UTC)
		// A blank at the end changes nothing but that the text is not usual.
		usual, usualOK := value.CastTimestamp([]byte(text), z)
		if got, ok := value.CastTimestamp([]byte(text+" "), z); got != usual || ok != usualOK {
			t.Errorf("CastTimestamp(%q) = %d, %t; with a blank, %d, %t", text, usual, usualOK, got, ok)
		}
		value.CastDate([]byte(text))
		const years = 9999 - 1970
		us %= years * 365 * 86400 * 1e6
		at := time.UnixMicro(us).UTC()
		if at.Year() < 1 {
			return
		}
		for _, layout := range []string{"2006-01-02T15:04:05.000000", "2006-01-02 15:04:05.000000Z07:00", "2006-1-2 15:4:5.000000"} {
			if got, ok := value.CastTimestamp([]byte(at.Format(layout)), z); !ok || got != us {
				t.Errorf("CastTimestamp(%q) = %d, %t; want %d", at.Format(layout), got, ok, us)
			}
		}
		if got, ok := value.CastDate([]byte(at.Format(time.DateOnly))); !ok || int64(got)*86400 > at.Unix() || (int64(got)+1)*86400 <= at.Unix() {
			t.Errorf("CastDate(%q) = %d, %t", at.Format(time.DateOnly), got, ok)
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "2024-01-02T03:04:05Z")
	f.Add("EEE, d MMM yy h:mm a z", "Tue, 2 Jan 24 3:04 PM UTC")
	f.Fuzz(func(_ *testing.T, pattern, text string) {
		format, err := value.CompileFormat(pattern, "US")
		if err != nil {
			return
		}
		format.Timestamp([]byte(text), value.NewZone(nil))
		format.Date([]byte(text))
	})
}

// TestZoneAgainstTime walks through a year of a zone with summer time and
// compares with package time wherever the local time is unambiguous.
func TestZoneAgainstTime(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z := value.NewZone(loc)
		for at := time.Date(2023, 12, 1, 0, 17, 0, 0, time.UTC); at.Year() < 2025; at = at.Add(37 * time.Minute) {
			local := at.In(loc).Format("2006-01-02 15:04:05")
			got, ok := value.CastTimestamp([]byte(local), z)
			back := time.UnixMicro(got).In(loc).Format("2006-01-02 15:04:05")
			if !ok || back != local {
				t.Fatalf("%s: %s is %s", name, local, back)
			}
		}
	}
}

func BenchmarkCastTimestamp(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	text := []byte("2024-01-02T03:04:05.678")
	for b.Loop() {
		value.CastTimestamp(text, z)
	}
}

func BenchmarkFormatTimestamp(b *testing.B) {
	z := zone(b, "UTC")
	text := []byte("2024-01-02T03:04:05.678Z")
	f, err := value.CompileFormat("yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "US")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.Timestamp(text, z)
	}
}

func BenchmarkFormatGeneral(b *testing.B) {
	z := zone(b, "UTC")
	text := []byte("02/01/2024 03:04:05")
	f, err := value.CompileFormat("dd/MM/yyyy HH:mm:ss", "US")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.Timestamp(text, z)
	}
}
