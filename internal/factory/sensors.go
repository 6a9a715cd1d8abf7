package factory

import (
	"math/rand/v2"
	"strconv"
)

// Numbers of a reading, in the order of its tally.
const (
	temperature = iota
	humidity
	pressure
	vibration
	battery
	rpm
)

const sensorCount = 1000

// readings makes sensor readings as CSV or JSON. Sensors take turns.
type readings struct {
	rng   *rand.PCG
	file  file
	sums  *tally
	clock clock
	turn  int64
}

func newReadings(rng *rand.PCG, f file) *readings {
	names := []string{"temperature", "humidity", "pressure", "vibration", "battery"}
	if f.drift >= newColumns {
		names = append(names, "rpm")
	}
	return &readings{rng: rng, file: f, sums: newTally(names...)}
}

func (r *readings) tally() *tally { return r.sums }

func (r *readings) columns() []string {
	names := []string{"sensor_id", "timestamp", "temperature", "humidity", "pressure", "vibration", "battery", "status", "line"}
	if r.file.drift >= newColumns {
		names = append(names, "firmware", "rpm")
	}
	return names
}

// reading is one row. Numbers count units of their last digit.
type reading struct {
	sensor      int64
	at          int64
	temperature int64 // hundredths of °C
	humidity    int64 // tenths of a percent
	pressure    int64 // hundredths of hPa
	vibration   int64 // thousandths of mm/s, -1 when not measured
	battery     int64 // percent
	status      string
	rpm         int64 // tenths
}

var statuses = [...]string{"OK", "OK", "OK", "OK", "OK", "IDLE", "WARN", "FAIL"}

func (r *readings) next(at int64) reading {
	sensor := r.turn % sensorCount
	r.turn++
	a, b := r.rng.Uint64(), r.rng.Uint64()
	v := reading{
		sensor:      sensor,
		at:          at,
		temperature: 1800 + sensor%40*120 + int64(a&0xff),
		humidity:    250 + sensor%30*10 + int64(a>>8&0x7f),
		pressure:    98000 + int64(a>>16&0xfff),
		vibration:   int64(a >> 32 & 0x3fff),
		battery:     5 + int64(b&0x3f) + sensor%32,
		status:      statuses[b>>8&7],
		rpm:         8000 + int64(b>>16&0x1fff),
	}
	if b>>40&0x3f == 0 {
		v.vibration = -1
	}
	return v
}

func (r *readings) appendRecord(dst []byte, at int64, fault Fault) []byte {
	v := r.next(at)
	if r.file.format == CSV {
		return r.appendCSV(dst, v, fault)
	}
	start := len(dst)
	dst = r.appendJSON(dst, v, fault)
	if fault == Truncated {
		clear(r.sums.has)
		dst = dst[:start+(len(dst)-start)*2/3]
	}
	return append(dst, '\n')
}

func (r *readings) appendCSV(dst []byte, v reading, fault Fault) []byte {
	if fault != MissingKey {
		dst = appendSensor(dst, v.sensor)
	}
	dst = append(dst, ',')
	dst = r.appendTime(dst, v.at, fault)
	dst = append(dst, ',')
	if fault == BadNumber {
		dst = append(dst, "ERR"...)
	} else {
		dst = r.fixed(dst, temperature, v.temperature, 2)
	}
	if fault == ShortRow {
		return append(dst, '\n')
	}
	dst = r.fixed(append(dst, ','), humidity, v.humidity, 1)
	dst = r.fixed(append(dst, ','), pressure, v.pressure, 2)
	dst = append(dst, ',')
	if v.vibration >= 0 {
		dst = r.fixed(dst, vibration, v.vibration, 3)
	}
	dst = r.appendBattery(append(dst, ','), v.battery)
	dst = append(append(dst, ','), v.status...)
	dst = append(dst, ',', 'L', byte('1'+v.sensor%8))
	if r.file.drift >= newColumns {
		dst = appendFirmware(append(dst, ','), v.sensor)
		dst = r.fixed(append(dst, ','), rpm, v.rpm, 1)
	}
	if fault == LongRow {
		dst = append(dst, ",surplus"...)
	}
	return append(dst, '\n')
}

func (r *readings) appendJSON(dst []byte, v reading, fault Fault) []byte {
	dst = append(dst, `{"sensor_id":`...)
	if fault == MissingKey {
		dst = append(dst, "null"...)
	} else {
		dst = append(appendSensor(append(dst, '"'), v.sensor), '"')
	}
	dst = append(r.appendTime(append(dst, `,"timestamp":"`...), v.at, fault), '"')
	dst = append(dst, `,"temperature":`...)
	if fault == BadNumber {
		dst = append(dst, `"ERR"`...)
	} else {
		dst = r.fixed(dst, temperature, v.temperature, 2)
	}
	dst = r.fixed(append(dst, `,"humidity":`...), humidity, v.humidity, 1)
	dst = r.fixed(append(dst, `,"pressure":`...), pressure, v.pressure, 2)
	dst = append(dst, `,"vibration":`...)
	if v.vibration >= 0 {
		dst = r.fixed(dst, vibration, v.vibration, 3)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"battery":`...)
	if r.file.drift >= newTypes {
		dst = append(r.appendBattery(append(dst, '"'), v.battery), '"')
	} else {
		dst = r.appendBattery(dst, v.battery)
	}
	dst = append(append(dst, `,"status":"`...), v.status...)
	dst = append(dst, `","line":"L`...)
	dst = append(dst, byte('1'+v.sensor%8), '"')
	if r.file.drift >= newColumns {
		dst = append(appendFirmware(append(dst, `,"firmware":"`...), v.sensor), '"')
		dst = r.fixed(append(dst, `,"rpm":`...), rpm, v.rpm, 1)
	}
	return append(dst, '}')
}

// fixed appends and counts number i.
func (r *readings) fixed(dst []byte, i int, v int64, digits int) []byte {
	r.sums.set(i, decimal(v, digits))
	return appendFixed(dst, v, digits)
}

// appendBattery appends the battery's charge, which is a number until it
// becomes text such as 87% under [newTypes].
func (r *readings) appendBattery(dst []byte, percent int64) []byte {
	dst = strconv.AppendInt(dst, percent, 10)
	if r.file.drift >= newTypes {
		return append(dst, '%')
	}
	r.sums.set(battery, decimal(percent, 0))
	return dst
}

func (r *readings) appendTime(dst []byte, at int64, fault Fault) []byte {
	if fault == BadTime {
		return append(dst, badTime...)
	}
	return r.clock.append(dst, at)
}

func appendSensor(dst []byte, n int64) []byte {
	return appendPadded(append(dst, "S-"...), n, 4)
}

func appendFirmware(dst []byte, sensor int64) []byte {
	dst = append(dst, "2."...)
	dst = strconv.AppendInt(dst, sensor%4, 10)
	return append(dst, ".7"...)
}

// decimal is v, counted in units of the last of the given digits, as a
// [Decimal].
func decimal(v int64, digits int) Decimal {
	for range decimalScale - digits {
		v *= 10
	}
	return Decimal(v)
}
