"""outbox order"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('outbox', schema=None, recreate='always', table_kwargs={'sqlite_autoincrement': True}):
            pass
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('ix_outbox_failed_at')
        batch_op.create_index('ix_outbox_failed_at', ['failed_at'], unique=False, sqlite_where=sa.text('failed_at IS NOT NULL'), postgresql_where=sa.text('failed_at IS NOT NULL'))
        batch_op.create_index('ix_outbox_order', ['rank', 'id'], unique=False, sqlite_where=sa.text('failed_at IS NULL'), postgresql_where=sa.text('failed_at IS NULL'))


def downgrade() -> None:
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('ix_outbox_order', sqlite_where=sa.text('failed_at IS NULL'), postgresql_where=sa.text('failed_at IS NULL'))
        batch_op.drop_index('ix_outbox_failed_at', sqlite_where=sa.text('failed_at IS NOT NULL'), postgresql_where=sa.text('failed_at IS NOT NULL'))
        batch_op.create_index('ix_outbox_failed_at', ['failed_at'], unique=False)
