package delta

import "math/big"

// SyncIdentity moves the high-water mark of an identity column to the value of
// its sequence that is at last or the next beyond it, where last is the
// greatest value that rows have, for a negative step the least. The mark never
// goes back. Whoever calls it must have read all rows of the table.
func (a *Alteration) SyncIdentity(path []string, last int64) error {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return err
	}
	id, ok := IdentityOf(s.Fields[i])
	if !ok {
		return refuse("DELTA_IDENTITY_COLUMNS_ALTER_NON_IDENTITY_COLUMN", "429BQ", "SYNC IDENTITY is not supported for column %s, which is no IDENTITY column", quotePath(path))
	}
	// The count of steps from the start to last, rounded up, is negative for
	// values before the start, which the sequence does not come by.
	step := big.NewInt(id.Step)
	distance := new(big.Int).Sub(big.NewInt(last), big.NewInt(id.Start))
	count, rest := new(big.Int).QuoRem(distance, step, new(big.Int))
	if rest.Sign() != 0 && distance.Sign() == step.Sign() {
		count.Add(count, big.NewInt(1))
	}
	if distance.Sign() == -step.Sign() {
		return nil
	}
	mark := count.Mul(count, step).Add(count, big.NewInt(id.Start))
	if !mark.IsInt64() {
		return &IdentityOverflowError{Column: s.Fields[i].Name}
	}
	if old := id.HighWaterMark; old != nil && (mark.Int64()-*old > 0) != (id.Step > 0) {
		return nil
	}
	id.HighWaterMark = new(mark.Int64())
	id.Mark(&s.Fields[i])
	return nil
}
