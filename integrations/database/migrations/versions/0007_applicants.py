"""applicants"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('code_request',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('telegram_id', sa.BigInteger(), nullable=False),
    sa.Column('who_print', sa.String(), nullable=False),
    sa.Column('chat_id', sa.BigInteger(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('address_print', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code_print', sa.String(), nullable=True),
    sa.Column('applicants', sa.String(), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_code_request')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('code_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_code_request_address_print'), ['address_print'], unique=False)
        batch_op.create_index(batch_op.f('ix_code_request_asked_at'), ['asked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_code_request_telegram_id'), ['telegram_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_code_request_who_print'), ['who_print'], unique=False)
    op.create_table('link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('telegram_id', sa.BigInteger(), nullable=False),
    sa.Column('chat_id', sa.BigInteger(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tell_changes', sa.Boolean(), nullable=False),
    sa.Column('cases', sa.String(), nullable=True),
    sa.Column('stands', sa.String(), nullable=True),
    sa.Column('told', sa.String(), nullable=True),
    sa.Column('final_since', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link')),
    sa.UniqueConstraint('telegram_id', name=op.f('uq_link_telegram_id')),
    sqlite_autoincrement=True
    )
    op.create_table('look_up',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who_print', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('applicant_print', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('result', sa.String(), nullable=False),
    sa.Column('cases', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_look_up'))
    )
    with op.batch_alter_table('look_up', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_look_up_applicant_print'), ['applicant_print'], unique=False)
        batch_op.create_index(batch_op.f('ix_look_up_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_look_up_who_print'), ['who_print'], unique=False)
    op.create_table('provider_cursor',
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('cursor', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('provider', name=op.f('pk_provider_cursor'))
    )
    op.create_table('linked_applicant',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('link_id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('applicant', sa.String(), nullable=False),
    sa.Column('applicant_print', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['link_id'], ['link.id'], name=op.f('fk_linked_applicant_link_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_linked_applicant')),
    sa.UniqueConstraint('provider', 'applicant_print', name=op.f('uq_linked_applicant_provider')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('linked_applicant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_linked_applicant_link_id'), ['link_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('linked_applicant', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_linked_applicant_link_id'))
    op.drop_table('linked_applicant')
    op.drop_table('provider_cursor')
    with op.batch_alter_table('look_up', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_look_up_who_print'))
        batch_op.drop_index(batch_op.f('ix_look_up_at'))
        batch_op.drop_index(batch_op.f('ix_look_up_applicant_print'))
    op.drop_table('look_up')
    op.drop_table('link')
    with op.batch_alter_table('code_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_code_request_who_print'))
        batch_op.drop_index(batch_op.f('ix_code_request_telegram_id'))
        batch_op.drop_index(batch_op.f('ix_code_request_asked_at'))
        batch_op.drop_index(batch_op.f('ix_code_request_address_print'))
    op.drop_table('code_request')
