/* LMDB, with a way out of its assertions.
 *
 * LMDB ends the process where a damaged file leads it to what cannot be. Here the call that met it fails with
 * MDB_CORRUPTED instead, and its transaction can only be aborted. The sources are included, not linked: what an
 * abandoned transaction still refers to is not in lmdb.h. */
#include <setjmp.h>

#include "mdb.c"

#ifdef _MSC_VER
# define PER_THREAD __declspec(thread)
#else
# define PER_THREAD __thread
#endif

/* Where the guarded call of this thread began; NULL outside of one. */
static PER_THREAD jmp_buf *guard;

/* For mdb_env_set_assert. */
void stowage_assertion_failed(MDB_env *env, const char *text)
{
	(void) env;
	(void) text;
	if (guard)
		longjmp(*guard, 1);
}

/* Cursors of the calls that were left lay on their stack. */
static void abandon(MDB_txn *txn)
{
	unsigned i;
	for (i = 0; i < txn->mt_numdbs; i++)
		txn->mt_cursors[i] = NULL;
	txn->mt_flags |= MDB_TXN_ERROR;
}

#define GUARDED(call, otherwise) \
	jmp_buf start; \
	int rc; \
	guard = &start; \
	if (setjmp(start) == 0) { \
		rc = (call); \
	} else { \
		abandon(txn); \
		otherwise; \
		rc = MDB_CORRUPTED; \
	} \
	guard = NULL; \
	return rc;

int stowage_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	GUARDED(mdb_put(txn, dbi, key, data, 0), (void) 0)
}

int stowage_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key)
{
	GUARDED(mdb_del(txn, dbi, key, NULL), (void) 0)
}

int stowage_clear(MDB_txn *txn, MDB_dbi dbi)
{
	GUARDED(mdb_drop(txn, dbi, 0), (void) 0)
}

/* The transaction is freed whatever happens. */
int stowage_commit(MDB_txn *txn)
{
	GUARDED(mdb_txn_commit(txn), (guard = NULL, mdb_txn_abort(txn)))
}
