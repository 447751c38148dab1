"""The other sides of the ports: one folder a vendor, with client, messages (the vendor's words), translate and notify.

A vendor's word never leaves its folder: adapters take and give the structs of the lower floors' `ports.py`.
"""
